-- One row per pair of accounts worth comparing, with its similarities; and one per account alone
-- (left = right), with the state in which it was compared last.
{{ config(materialized='table') }}
{{ identity_pairs('account') }}
