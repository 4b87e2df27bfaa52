-- One row per pair of contacts worth comparing, with its similarities; and one per contact alone
-- (left = right), with the state in which it was compared last.
{{ config(materialized='table') }}
{{ identity_pairs('contact') }}
