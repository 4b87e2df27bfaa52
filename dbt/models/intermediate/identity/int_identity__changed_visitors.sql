-- One row per visitor whose identity this build computes: visitors of the changed days, and those
-- of whom a value in the log stands for somebody else than in the last complete build.
{{ config(materialized='table') }}
{%- set followed = earlier_table('int_identity__followed_meanings') %}
{%- set tags = ['web_identities'] %}
{%- set unfinished = earlier_table(this.identifier) if is_half_built(tags) else none %}
-- depends_on: {{ ref('dim_contact') }}
-- depends_on: {{ ref('dim_account') }}
-- depends_on: {{ ref('dim_rep') }}
-- depends_on: {{ ref('int_identity__link_rules') }}
-- depends_on: {{ ref('int_rules__thresholds') }}
-- depends_on: {{ ref('visitor_link_override') }}
with

meanings as (

    select * from {{ ref('int_identity__value_meanings') }}

),

followed as (

    select * from {{ followed or ref('int_identity__value_meanings') }}

),

other_meanings as (

    (
        select * from meanings
        except
        select * from followed
    )
    union all
    (
        select * from followed
        except
        select * from meanings
    )

),

other_values as (

    select distinct
        field,
        observed_value
    from other_meanings

)

select visitor_id from {{ ref('int_web__changed_visitors') }}
union
select seen.visitor_id
from {{ ref('int_identity__seen_values') }} as seen
inner join other_values
    on seen.field = other_values.field and seen.observed_value = other_values.observed_value
union
select visitors.visitor_id
from {{ ref('int_web__visitors') }} as visitors
inner join other_values
    on other_values.field = 'visitor_key' and visitors.visitor_key = other_values.observed_value
{%- if unfinished %}
    -- The last build broke off: what it had not computed is still to be computed.
    union
    select visitor_id from {{ unfinished }}
{%- endif %}
