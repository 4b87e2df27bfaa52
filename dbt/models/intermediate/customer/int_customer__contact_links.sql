-- One row per pair of contacts that a key, a match weight or a decision of people speaks for or
-- against, with what came of it.
{{ config(materialized='table') }}
{{ identity_links('contact') }}
