-- One row per key that several accounts share and account, with what came of it.
{{ config(materialized='table') }}
{{ identity_key_groups('account') }}
