-- One row per account that is linked to another, with the cluster it is in and its surest link
-- there.
{{ config(materialized='table') }}
{{ identity_clusters('account') }}
