-- One row per pair of accounts that a key, a match weight or a decision of people speaks for or
-- against, with what came of it.
{{ config(materialized='table') }}
{{ identity_links('account') }}
