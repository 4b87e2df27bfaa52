-- One row per two contacts of one component that must not be in one cluster.
{{ config(materialized='table') }}
{{ identity_conflicts('contact') }}
