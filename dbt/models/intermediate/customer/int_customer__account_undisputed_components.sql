-- One row per account with such a link, with the connected component of them that it is in.
{{ config(materialized='table') }}
{{ identity_undisputed_components('account') }}
