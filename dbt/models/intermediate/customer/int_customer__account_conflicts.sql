-- One row per two accounts of one component that must not be in one cluster.
{{ config(materialized='table') }}
{{ identity_conflicts('account') }}
