-- One row per labelled lead of high value that came in after a change of the watched rules: whether
-- its rep labels such leads low since then, while before, and for the rep in the middle, few are.
-- A rep's share is that of all such leads between one change and the next; "before" are the leads
-- before the first change.
with

rules as (

    select
        max(case when rule = 'min_amount_cny' then rule_value end) as min_amount_cny,
        max(case when rule = 'min_leads' then rule_value end) as min_leads,
        max(case when rule = 'min_low_ratio' then rule_value end) as min_low_ratio,
        max(case when rule = 'max_other_low_ratio' then rule_value end) as max_other_low_ratio,
        max(case when rule = 'min_rise_ratio' then rule_value end) as min_rise_ratio
    from {{ ref('int_traps__rules') }}
    where trap_id = 'label_gaming'

),

changes as (

    select
        changes.changed_at,
        lead(changes.changed_at) over (order by changes.changed_at asc nulls last)
            as next_changed_at
    from (
        select distinct changed_at
        from {{ ref('int_canonical__config_changes') }}
        where
            changed_at < {{ as_of_end() }}
            and rule_table in (
                select watched.rule_text
                from {{ ref('int_traps__rules') }} as watched
                where watched.trap_id = 'label_gaming' and watched.rule = 'watched_rule_table'
            )
    ) as changes

),

leads as (

    select
        leads.lead_id,
        leads.lead_name,
        leads.owner_rep_id,
        leads.created_at,
        leads.intent_label,
        leads.estimated_amount * rates.cny_per as amount_cny
    from {{ ref('fct_lead') }} as leads
    inner join {{ ref('int_rules__currency_rates') }} as rates
        on
            leads.currency = rates.currency
            and cast(leads.created_at as date) >= rates.valid_from
            and (
                rates.valid_until is null
                or cast(leads.created_at as date) < rates.valid_until
            )
    where leads.intent_label is not null and leads.owner_rep_id is not null

),

high_value as (

    select
        leads.lead_id,
        leads.lead_name,
        leads.owner_rep_id,
        leads.created_at,
        leads.intent_label,
        leads.amount_cny,
        changes.changed_at
    from leads
    inner join rules on leads.amount_cny >= rules.min_amount_cny
    left join changes
        on
            leads.created_at >= changes.changed_at
            and (changes.next_changed_at is null or leads.created_at < changes.next_changed_at)

),

before_change as (

    select
        owner_rep_id,
        avg(cast(case when intent_label = 'low' then 1 else 0 end as double)) as low_ratio
    from high_value
    where changed_at is null
    group by owner_rep_id

),

after_change as (

    select
        owner_rep_id,
        changed_at,
        count(*) as count_leads,
        avg(cast(case when intent_label = 'low' then 1 else 0 end as double)) as low_ratio
    from high_value
    where changed_at is not null
    group by owner_rep_id, changed_at

),

middle as (

    select
        changed_at,
        {{ median_of('low_ratio') }} as low_ratio
    from after_change
    group by changed_at

),

gaming as (

    select
        after_change.owner_rep_id,
        after_change.changed_at,
        after_change.low_ratio
    from after_change
    inner join middle on after_change.changed_at = middle.changed_at
    inner join rules
        on
            after_change.count_leads >= rules.min_leads
            and after_change.low_ratio >= rules.min_low_ratio
            and middle.low_ratio <= rules.max_other_low_ratio
    left join before_change on after_change.owner_rep_id = before_change.owner_rep_id
    where
        after_change.low_ratio - coalesce(before_change.low_ratio, 0) >= rules.min_rise_ratio

)

select
    high_value.lead_id,
    high_value.lead_name,
    high_value.owner_rep_id,
    high_value.created_at,
    high_value.changed_at,
    high_value.amount_cny,
    gaming.low_ratio,
    gaming.owner_rep_id is not null and high_value.intent_label = 'low' as is_case
from high_value
left join gaming
    on
        high_value.owner_rep_id = gaming.owner_rep_id
        and high_value.changed_at = gaming.changed_at
where high_value.changed_at is not null
