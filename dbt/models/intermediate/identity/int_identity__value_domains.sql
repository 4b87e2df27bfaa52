-- One row per host name, e-mail address or login of the log and domain of the rule tables that it
-- lies under, whole labels only (mail.acme.com lies under acme.com, notacme.com does not).
{{ config(materialized='table') }}
{%- set most_labels = 10 %}
with

hosts as (

    select distinct
        field,
        observed_value,
        host_name
    from {{ ref('int_identity__seen_values') }}
    where host_name is not null

),

suffixes as (

    {%- for count_dropped in range(most_labels) %}
        select
            field,
            observed_value,
            {{ regexp_group('host_name', '^([^.]+[.]){' ~ count_dropped ~ '}(.+)$', 2) }}
                as domain_name
        from hosts
        {{- ' union all' if not loop.last }}
    {%- endfor %}

)

select
    suffixes.field,
    suffixes.observed_value,
    domains.account_id,
    domains.web_domain,
    domains.confidence,
    domains.valid_from,
    domains.valid_to,
    domains.is_shared
from suffixes
inner join {{ ref('int_identity__account_domains') }} as domains
    on suffixes.domain_name = domains.web_domain
