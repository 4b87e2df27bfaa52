-- One row per team, month and customer that the team should strengthen in that month: the customers
-- whose depth one step would raise most, weighted by the rules of priority, as known when the month
-- began; with what was done in the month and what the depth was at its end.
{%- set conditions = ['open_opportunity', 'tier_strategic', 'tier_key', 'falling', 'wide'] %}
with

limits as (

    select
        max(case when threshold_id = 'relationship_top_accounts' then threshold_value end)
            as top_accounts,
        cast(
            max(case when threshold_id = 'relationship_top_months' then threshold_value end)
            as bigint
        ) as top_months,
        cast(
            max(case when threshold_id = 'relationship_comparison_days' then threshold_value end)
            as bigint
        ) as comparison_days
    from {{ ref('int_rules__thresholds') }}

),

all_months as (

    select
        month_start_date as month_start,
        {{ add_days('month_start_date', -1) }} as start_date,
        max(date_day) as end_date,
        row_number() over (order by month_start_date desc nulls last) as month_rank
    from {{ ref('dim_date') }}
    where date_day <= {{ as_of_date() }}
    group by month_start_date

),

months as (

    select
        all_months.month_start,
        all_months.start_date,
        all_months.end_date,
        {{ add_days('all_months.start_date', '-limits.comparison_days') }} as compared_date,
        all_months.month_rank = 1 as is_running
    from all_months
    cross join limits
    where all_months.month_rank <= limits.top_months

),

priorities as (

    select
        {%- for condition in conditions %}
            max(
                case when condition_id = '{{ condition }}' then cast(weight as double) end
            ) as {{ condition }}_weight,
            max(case when condition_id = '{{ condition }}' then reason_en end)
                as {{ condition }}_en,
            max(case when condition_id = '{{ condition }}' then reason_zh end)
                as {{ condition }}_zh,
        {%- endfor %}
        max(case when condition_id = 'falling' then cast(limit_value as double) end)
            as falling_points
    from (
        select
            *,
            row_number() over (
                partition by condition_id order by valid_from desc nulls last
            ) as age_rank
        from {{ ref('relationship_priority') }}
        where valid_from <= {{ as_of_date() }}
    ) as begun
    where age_rank = 1

),

factors as (

    select
        factor_id,
        max_by(name_en, valid_from) as name_en,
        max_by(name_zh, valid_from) as name_zh,
        max_by(step_en, valid_from) as step_en,
        max_by(step_zh, valid_from) as step_zh
    from {{ ref('relationship_factor') }}
    where valid_from <= {{ as_of_date() }}
    group by factor_id

),

customers as (

    select
        customers.customer_id,
        customers.customer_name,
        customers.tier,
        customers.team_id,
        teams.team_name
    from {{ ref('dim_customer') }} as customers
    inner join {{ ref('dim_team') }} as teams on customers.team_id = teams.team_id

),

definitions as (

    select
        definition_version,
        breadth_limit_points
    from {{ ref('int_relationship__definitions') }}

),

movers as (

    select
        months.month_start,
        months.end_date,
        months.is_running,
        months.compared_date,
        months.start_date,
        movers.customer_id,
        movers.depth_points,
        movers.depth_mover_factor,
        movers.depth_mover_gain_points,
        movers.breadth_points >= definitions.breadth_limit_points as is_wide
    from {{ ref('int_relationship__movers') }} as movers
    inner join months on movers.index_date = months.start_date
    inner join definitions on movers.definition_version = definitions.definition_version
    where movers.basis = 'as_defined' and movers.depth_mover_gain_points > 0

),

compared as (

    select
        months.month_start,
        indices.customer_id,
        indices.depth_points
    from {{ ref('fct_relationship_index_day') }} as indices
    inner join months on indices.index_date = months.compared_date
    where indices.basis = 'as_defined'

),

judged as (

    select
        movers.month_start,
        movers.end_date,
        movers.is_running,
        customers.team_id,
        customers.team_name,
        customers.customer_id,
        customers.customer_name,
        movers.depth_points,
        movers.depth_mover_factor,
        movers.depth_mover_gain_points,
        open_lines.customer_id is not null as is_open_opportunity,
        coalesce(customers.tier = 'strategic', false) as is_tier_strategic,
        coalesce(customers.tier = 'key', false) as is_tier_key,
        coalesce(compared.depth_points - movers.depth_points >= priorities.falling_points, false)
            as is_falling,
        coalesce(movers.is_wide, false) as is_wide
    from movers
    inner join customers on movers.customer_id = customers.customer_id
    cross join priorities
    left join compared
        on
            movers.month_start = compared.month_start
            and movers.customer_id = compared.customer_id
    left join {{ ref('int_relationship__open_lines') }} as open_lines
        on
            movers.customer_id = open_lines.customer_id
            and open_lines.product_line is null
            and movers.start_date >= open_lines.first_date
            and movers.start_date < coalesce(open_lines.last_date, date '9999-12-31')

),

weighted as (

    select
        judged.*,
        judged.depth_mover_gain_points
        {%- for condition in conditions %}
            * case
                when judged.is_{{ condition }} then coalesce(priorities.{{ condition }}_weight, 1)
                else 1
            end
        {%- endfor %} as priority_points
        {%- for language, mark in {'en': '; ', 'zh': '；'}.items() %}
            ,
            factors.name_{{ language }} || ': ' || factors.step_{{ language }}
            {%- for condition in conditions %}
                || case
                    when judged.is_{{ condition }}
                        then coalesce('{{ mark }}' || priorities.{{ condition }}_{{ language }}, '')
                    else ''
                end
            {%- endfor %} as reasons_{{ language }}
        {%- endfor %}
    from judged
    cross join priorities
    inner join factors on judged.depth_mover_factor = factors.factor_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by month_start, team_id
            order by priority_points desc nulls last, customer_id asc nulls last
        ) as rank_in_team
    from weighted

),

top_customers as (

    select ranked.*
    from ranked
    cross join limits
    where ranked.rank_in_team <= limits.top_accounts

),

-- What we did ourselves: touches with a rep of ours.
touches as (

    select
        top_customers.month_start,
        top_customers.customer_id,
        count(*) as count_touches
    from top_customers
    inner join {{ ref('int_relationship__touches') }} as touches
        on
            top_customers.customer_id = touches.customer_id
            and top_customers.month_start <= touches.occurred_date
            and top_customers.end_date >= touches.occurred_date
    where touches.rep_id is not null
    group by top_customers.month_start, top_customers.customer_id

),

finals as (

    select
        indices.customer_id,
        indices.index_date,
        indices.depth_points
    from {{ ref('fct_relationship_index_day') }} as indices
    inner join months on indices.index_date = months.end_date
    where indices.basis = 'as_defined'

)

select
    top_customers.team_id || '|' || cast(top_customers.month_start as string)
    || '|' || top_customers.customer_id as top20_id,
    top_customers.team_id,
    top_customers.team_name,
    top_customers.month_start,
    top_customers.month_start as period_date,
    cast(top_customers.rank_in_team as bigint) as rank_in_team,
    top_customers.customer_id,
    top_customers.customer_name,
    top_customers.reasons_en,
    top_customers.reasons_zh,
    top_customers.depth_mover_factor,
    top_customers.depth_mover_gain_points as expected_gain_points,
    top_customers.priority_points,
    top_customers.depth_points as depth_points_start,
    finals.depth_points as depth_points_end,
    coalesce(touches.count_touches, 0) as count_touches_done,
    case
        when top_customers.is_running then 'running'
        when coalesce(touches.count_touches, 0) = 0 then 'untouched'
        when finals.depth_points > top_customers.depth_points then 'strengthened'
        else 'touched'
    end as outcome,
    case
        when not top_customers.is_running
            then
                coalesce(touches.count_touches, 0) > 0
                and coalesce(finals.depth_points > top_customers.depth_points, false)
    end as is_strengthened,
    not top_customers.is_running as is_finished
from top_customers
left join touches
    on
        top_customers.month_start = touches.month_start
        and top_customers.customer_id = touches.customer_id
left join finals
    on
        top_customers.customer_id = finals.customer_id
        and top_customers.end_date = finals.index_date
