-- One row per contact that is linked to another, with the cluster it is in and its surest link
-- there.
{{ config(materialized='table') }}
{{ identity_clusters('contact') }}
