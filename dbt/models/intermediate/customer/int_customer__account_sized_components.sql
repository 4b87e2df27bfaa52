-- One row per account that is linked to another, with its component after those that are too large
-- have been cut.
{{ config(materialized='table') }}
{{ identity_sized_components('account') }}
