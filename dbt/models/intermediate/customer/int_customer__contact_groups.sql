-- One row per key that several contacts share and contact, with what came of it.
{{ config(materialized='table') }}
{{ identity_key_groups('contact') }}
