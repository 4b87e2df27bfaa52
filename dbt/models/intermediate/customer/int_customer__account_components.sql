-- One row per account that is linked to another, with the connected component of links it is in.
{{ config(materialized='table') }}
{{ identity_components('account') }}
