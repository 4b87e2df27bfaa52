-- One row per link in a component with such a pair, but for those between the two of a pair.
{{ config(materialized='table') }}
{{ identity_undisputed_links('contact') }}
