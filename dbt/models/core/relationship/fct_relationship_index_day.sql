-- One row per customer, day and basis: depth and breadth with their factors, from the first day on
-- which anything is known of the customer. Basis `restated` is today's definition on days on which
-- another one was valid. Touches count from the day on which they are known, by their age since
-- they happened. Between two events of a customer its sums only decay, so sums are kept per event,
-- scaled to the last day (2^(−age ÷ half-life) is a product), and days are made of them at the end.
{{ config(
    materialized=index_days_materialization(),
    tags=['relationship_days']
) }}
-- depends_on: {{ ref('int_relationship__changed_customers') }}
with

definitions as (

    select * from {{ ref('int_relationship__definitions') }}
    where {{ is_batch_definition('definition_version') }}

),

-- Events are gathered by the first day of their definition: its version is a long text.
batches as (

    select
        definition_days.definition_version,
        definitions.period_start,
        definition_days.coverage_window_days,
        {{ batch_first_date('definition_days.first_date') }} as first_date,
        {{ batch_last_date('definition_days.last_date') }} as last_date
    from {{ ref('int_relationship__definition_days') }} as definition_days
    inner join definitions
        on definition_days.definition_version = definitions.definition_version

),

channels as (

    select * from {{ ref('int_relationship__channels') }}
    where is_covered and {{ is_batch_definition('definition_version') }}

),

customers as (

    select * from {{ ref('int_relationship__customer_states') }}
    where {{ is_batch_customer('customer_id') }}

),

carried as (

    {{ carried_index_days() }}

),

batch_touches as (

    select
        definition_version,
        customer_id,
        channel,
        occurred_date,
        known_date,
        known_at,
        weight,
        overlap_ratio
    from {{ ref('int_relationship__weighted_touches') }}
    where
        {{ is_batch_definition('definition_version') }}
        and {{ is_batch_customer('customer_id') }}
        and ({{ is_batch_new('known_at') }} or {{ is_batch_active('occurred_at') }})

),

weighted as (

    select
        batches.period_start,
        touches.customer_id,
        touches.weight,
        touches.overlap_ratio,
        {{ elapsed_days('touches.occurred_date', 'batches.last_date') }} as age_days,
        case
            when touches.known_date > batches.first_date then touches.known_date
            else batches.first_date
        end as event_date
    from batch_touches as touches
    inner join batches
        on
            touches.definition_version = batches.definition_version
            and touches.known_date <= batches.last_date
    where {{ is_batch_new('touches.known_at') }}

),

scaled as (

    select
        weighted.period_start,
        weighted.customer_id,
        weighted.event_date,
        weighted.overlap_ratio,
        weighted.weight * power(
            cast(0.5 as double),
            weighted.age_days / cast(definitions.half_life_days as double)
        ) as scaled_weight
    from weighted
    inner join definitions on weighted.period_start = definitions.period_start

),

carried_sums as (

    select
        carried.*,
        batches.period_start,
        batches.first_date as event_date,
        power(
            cast(0.5 as double),
            {{ elapsed_days('carried.index_date', 'batches.last_date') }}
            / cast(definitions.half_life_days as double)
        ) as scale
    from carried
    inner join batches on carried.definition_version = batches.definition_version
    inner join definitions on batches.period_start = definitions.period_start

),

-- From when until when a channel is active has to be found out again where it was touched anew.
covering_touches as (

    select
        definition_version,
        customer_id,
        channel,
        occurred_date,
        known_date
    from batch_touches
    union all
    select
        batches.definition_version,
        latest_touches.customer_id,
        latest_touches.channel,
        latest_touches.occurred_date,
        latest_touches.known_date
    from (
        {{ latest_channel_touches() }}
    ) as latest_touches
    cross join batches
    where latest_touches.is_touched_anew

),

channel_touches as (

    select
        batches.period_start,
        touches.customer_id,
        channels.channel_bit,
        case
            when touches.known_date > batches.first_date then touches.known_date
            else batches.first_date
        end as start_date,
        max({{ add_days(
            'touches.occurred_date', rounded('batches.coverage_window_days')
        ) }}) as end_date
    from covering_touches as touches
    inner join channels
        on
            touches.definition_version = channels.definition_version
            and touches.channel = channels.channel
    inner join batches
        on
            touches.definition_version = batches.definition_version
            and touches.known_date <= batches.last_date
            and {{ add_days(
                'touches.occurred_date', rounded('batches.coverage_window_days')
            ) }} > batches.first_date
    where
        {{ add_days(
            'touches.occurred_date', rounded('batches.coverage_window_days')
        ) }} > touches.known_date
    group by
        batches.period_start,
        touches.customer_id,
        channels.channel_bit,
        case
            when touches.known_date > batches.first_date then touches.known_date
            else batches.first_date
        end

),

channel_spans as (

    select
        period_start,
        customer_id,
        channel_bit,
        start_date,
        end_date,
        max(end_date) over (
            partition by period_start, customer_id, channel_bit
            order by start_date asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as end_date_before
    from channel_touches

),

activities as (

    select
        period_start,
        customer_id,
        channel_bit,
        case when end_date_before > start_date then end_date_before else start_date end
            as start_date,
        end_date
    from channel_spans
    where end_date_before is null or end_date > end_date_before

),

-- Channels that were active on the day before the batch, and end in it or have been touched anew.
-- Most have not, and are carried as they are.
endings as (

    select
        batches.period_start,
        latest_touches.customer_id,
        channels.channel_bit,
        case
            when latest_touches.is_touched_anew then batches.first_date
            else {{ add_days(
                'latest_touches.occurred_date', rounded('batches.coverage_window_days')
            ) }}
        end as end_date
    from (
        {{ latest_channel_touches() }}
    ) as latest_touches
    inner join channels on latest_touches.channel = channels.channel
    inner join batches
        on
            channels.definition_version = batches.definition_version
            and {{ add_days(
                'latest_touches.occurred_date', rounded('batches.coverage_window_days')
            ) }} >= batches.first_date
    where
        latest_touches.is_touched_anew
        or {{ add_days(
            'latest_touches.occurred_date', rounded('batches.coverage_window_days')
        ) }} <= batches.last_date

),

-- Channels that need an address are there where one is known, else since the first touch.
ways as (

    select
        known_ways.has_email,
        known_ways.has_phone,
        known_ways.has_chat_id,
        channels.definition_version,
        channels.channel,
        channels.channel_bit,
        case channels.needs_field
            when 'email' then known_ways.has_email
            when 'phone' then known_ways.has_phone
            when 'external_chat_id' then known_ways.has_chat_id
            else true
        end as is_reachable
    from (
        select distinct
            customers.has_email,
            customers.has_phone,
            customers.has_chat_id
        from customers
    ) as known_ways
    cross join channels

),

way_bits as (

    select
        has_email,
        has_phone,
        has_chat_id,
        definition_version,
        cast(sum(case when is_reachable then channel_bit else 0 end) as bigint) as reachable_bits
    from ways
    group by has_email, has_phone, has_chat_id, definition_version

),

touched_ways as (

    select
        batches.period_start,
        customer_channels.customer_id,
        ways.channel_bit,
        case
            when customer_channels.first_known_date > batches.first_date
                then customer_channels.first_known_date
            else batches.first_date
        end as event_date
    from {{ ref('int_relationship__customer_channels') }} as customer_channels
    inner join customers on customer_channels.customer_id = customers.customer_id
    inner join ways
        on
            customer_channels.channel = ways.channel
            and customers.has_email = ways.has_email
            and customers.has_phone = ways.has_phone
            and customers.has_chat_id = ways.has_chat_id
            and not ways.is_reachable
    inner join batches on ways.definition_version = batches.definition_version
    where {{ is_batch_first_touch('customer_channels.first_known_date') }}

),

reach as (

    select * from {{ ref('int_relationship__reach') }}
    where
        {{ is_batch_customer('customer_id') }}
        and first_date <= {{ batch_last_date('first_date') }}
        and last_date >= {{ batch_first_date('last_date') }}

),

-- Who was created before the batch is there on its first day, whatever is known of it since when.
late_customers as (

    select distinct customers.customer_id
    from customers
    inner join batches on customers.created_date > batches.first_date

),

first_touches as (

    select
        customer_id,
        min(first_known_date) as first_date
    from {{ ref('int_relationship__customer_channels') }}
    where customer_id in (select late_customers.customer_id from late_customers)
    group by customer_id

),

first_reach as (

    select
        customer_id,
        min(first_date) as first_date
    from {{ ref('int_relationship__reach') }}
    where customer_id in (select late_customers.customer_id from late_customers)
    group by customer_id

),

-- A customer is there since it was created, or since something is known of it; where nobody knows
-- when it was created, always.
beginnings as (

    select
        batches.period_start,
        customers.customer_id,
        batches.first_date,
        case
            when customers.created_date is not null
                then least(
                    customers.created_date,
                    coalesce(first_touches.first_date, customers.created_date),
                    coalesce(first_reach.first_date, customers.created_date)
                )
            else batches.first_date
        end as begin_date
    from customers
    cross join batches
    left join first_touches on customers.customer_id = first_touches.customer_id
    left join first_reach on customers.customer_id = first_reach.customer_id

),

channel_events as (

    select
        period_start,
        customer_id,
        start_date as event_date,
        channel_bit as active_change,
        cast(0 as bigint) as touched_change
    from activities
    union all
    select
        period_start,
        customer_id,
        end_date as event_date,
        -channel_bit as active_change,
        cast(0 as bigint) as touched_change
    from activities
    union all
    select
        period_start,
        customer_id,
        end_date as event_date,
        -channel_bit as active_change,
        cast(0 as bigint) as touched_change
    from endings
    union all
    select
        period_start,
        customer_id,
        event_date,
        cast(0 as bigint) as active_change,
        channel_bit as touched_change
    from touched_ways
    union all
    select
        period_start,
        customer_id,
        case when begin_date > first_date then begin_date else first_date end as event_date,
        cast(0 as bigint) as active_change,
        cast(0 as bigint) as touched_change
    from beginnings

),

events as (

    select
        period_start,
        customer_id,
        event_date,
        scaled_weight as touch_sum,
        case when overlap_ratio is not null then scaled_weight end as topic_sum,
        scaled_weight * overlap_ratio as overlap_sum,
        cast(0 as bigint) as active_change,
        cast(0 as bigint) as touched_change
    from scaled
    union all
    select
        period_start,
        customer_id,
        event_date,
        touch_points * scale as touch_sum,
        topic_points * scale as topic_sum,
        overlap_points * scale as overlap_sum,
        active_channel_bits as active_change,
        touched_channel_bits as touched_change
    from carried_sums
    union all
    select
        period_start,
        customer_id,
        event_date,
        cast(0 as double) as touch_sum,
        cast(null as double) as topic_sum,
        cast(null as double) as overlap_sum,
        active_change,
        touched_change
    from channel_events

),

event_days as (

    select
        events.period_start,
        events.customer_id,
        events.event_date,
        sum(events.touch_sum) as touch_sum,
        sum(events.topic_sum) as topic_sum,
        sum(events.overlap_sum) as overlap_sum,
        cast(sum(events.active_change) as bigint) as active_change,
        cast(sum(events.touched_change) as bigint) as touched_change
    from events
    inner join batches
        on
            events.period_start = batches.period_start
            and events.event_date <= batches.last_date
    group by events.period_start, events.customer_id, events.event_date

),

running as (

    select
        period_start,
        customer_id,
        event_date,
        {{ running_sum('touch_sum') }} as touch_sum,
        {{ running_sum('topic_sum') }} as topic_sum,
        {{ running_sum('overlap_sum') }} as overlap_sum,
        cast({{ running_sum('active_change') }} as bigint) as active_bits,
        cast({{ running_sum('touched_change') }} as bigint) as touched_bits,
        {{ next_event_date() }} as next_date
    from event_days

),

days as (

    select
        batches.period_start,
        running.customer_id,
        {{ each_day_of_event() }} as index_date,
        batches.last_date,
        running.touch_sum,
        running.topic_sum,
        running.overlap_sum,
        running.active_bits,
        running.touched_bits
    from running
    inner join batches on running.period_start = batches.period_start

),

reach_bases as (

    select count(case when basis = 'restated' then 1 end) > 0 as has_restated
    from {{ ref('int_relationship__reach') }}

),

-- Without a row a customer reaches none, where some system delivers edges at all.
graph as (

    select case when count(case when is_delivered then 1 end) > 0 then 0 end as no_reach
    from {{ ref('int_graph__edge_types') }}

),

placed as (

    select
        days.customer_id,
        days.index_date,
        days.touch_sum,
        days.topic_sum,
        days.overlap_sum,
        days.active_bits,
        days.touched_bits,
        definitions.definition_version,
        definitions.breadth_tau_accounts,
        definitions.breadth_tau_industries,
        definitions.breadth_tau_levels,
        definitions.depth_limit_points,
        definitions.breadth_limit_points,
        graph.no_reach,
        case
            when
                reach_bases.has_restated
                and (
                    days.index_date < definitions.period_start
                    or days.index_date >= definitions.period_end
                )
                then 'restated'
            else 'as_defined'
        end as reach_basis,
        case
            when
                days.index_date >= definitions.period_start
                and (
                    definitions.period_end is null or days.index_date < definitions.period_end
                )
                then 'as_defined'
            else 'restated'
        end as basis,
        power(
            cast(2 as double),
            {{ elapsed_days('days.index_date', 'days.last_date') }}
            / cast(definitions.half_life_days as double)
        ) as growth
    from days
    inner join definitions on days.period_start = definitions.period_start
    cross join reach_bases
    cross join graph

),

counted as (

    select
        placed.customer_id,
        placed.index_date,
        placed.basis,
        placed.definition_version,
        placed.breadth_tau_accounts,
        placed.breadth_tau_industries,
        placed.breadth_tau_levels,
        placed.depth_limit_points,
        placed.breadth_limit_points,
        placed.touch_sum * placed.growth as touch_points,
        placed.topic_sum * placed.growth as topic_points,
        placed.overlap_sum * placed.growth as overlap_points,
        placed.active_bits as active_channel_bits,
        placed.touched_bits as touched_channel_bits,
        coalesce(segments.tau_touches, other_segments.tau_touches) as tau_touches,
        cast(
            bit_count(placed.active_bits & coalesce(channel_days.delivered_bits, 0)) as bigint
        ) as count_channels_active,
        cast(
            bit_count(
                (way_bits.reachable_bits + placed.touched_bits)
                & coalesce(channel_days.delivered_bits, 0)
            ) as bigint
        ) as count_channels_available,
        cast(
            bit_count(
                (way_bits.reachable_bits + placed.touched_bits)
                & coalesce(channel_days.silent_bits, 0)
            ) as bigint
        ) as count_channels_silent,
        case when reach.customer_id is null then placed.no_reach else reach.count_accounts end
            as count_accounts,
        case when reach.customer_id is null then placed.no_reach else reach.count_industries end
            as count_industries,
        case when reach.customer_id is null then placed.no_reach else reach.count_levels end
            as count_levels
    from placed
    inner join customers on placed.customer_id = customers.customer_id
    inner join way_bits
        on
            placed.definition_version = way_bits.definition_version
            and customers.has_email = way_bits.has_email
            and customers.has_phone = way_bits.has_phone
            and customers.has_chat_id = way_bits.has_chat_id
    inner join {{ ref('int_relationship__segments') }} as other_segments
        on
            placed.definition_version = other_segments.definition_version
            and other_segments.segment is null
    left join {{ ref('int_relationship__segments') }} as segments
        on
            placed.definition_version = segments.definition_version
            and customers.segment = segments.segment
    left join {{ ref('int_relationship__channel_days') }} as channel_days
        on
            placed.definition_version = channel_days.definition_version
            and placed.index_date = channel_days.index_date
    left join reach
        on
            placed.customer_id = reach.customer_id
            and placed.reach_basis = reach.basis
            and placed.index_date >= reach.first_date
            and placed.index_date <= reach.last_date

),

factors as (

    select
        *,
        case
            when count_channels_available > 0 and count_channels_silent = 0
                then
                    cast(
                        round(1 - exp(-{{ safe_ratio('touch_points', 'tau_touches') }}), 4)
                        as decimal(9, 4)
                    )
        end as frequency_ratio,
        cast(
            round({{ safe_ratio('overlap_points', 'topic_points') }}, 4) as decimal(9, 4)
        ) as relevance_ratio,
        case
            when count_channels_silent = 0
                then
                    cast(
                        round(
                            {{ safe_ratio('count_channels_active', 'count_channels_available') }},
                            4
                        ) as decimal(9, 4)
                    )
        end as coverage_ratio,
        cast(
            round(1 - exp(-{{ safe_ratio('count_accounts', 'breadth_tau_accounts') }}), 4)
            as decimal(9, 4)
        ) as accounts_ratio,
        cast(
            round(1 - exp(-{{ safe_ratio('count_industries', 'breadth_tau_industries') }}), 4)
            as decimal(9, 4)
        ) as industries_ratio,
        cast(
            round(1 - exp(-{{ safe_ratio('count_levels', 'breadth_tau_levels') }}), 4)
            as decimal(9, 4)
        ) as levels_ratio
    from counted

),

multiplied as (

    select
        *,
        cast(100 * frequency_ratio * relevance_ratio * coverage_ratio as decimal(18, 12))
            as depth_points,
        cast(100 * accounts_ratio * industries_ratio * levels_ratio as decimal(18, 12))
            as breadth_points
    from factors

)

select
    customer_id || '|' || cast(index_date as string) || '|' || basis as relationship_index_day_id,
    customer_id,
    index_date,
    basis,
    definition_version,
    depth_points,
    breadth_points,
    frequency_ratio,
    relevance_ratio,
    coverage_ratio,
    accounts_ratio,
    industries_ratio,
    levels_ratio,
    case
        when frequency_ratio is null then 'frequency'
        when relevance_ratio is null then 'relevance'
        when coverage_ratio is null then 'coverage'
    end as depth_unknown_factor,
    case
        when accounts_ratio is null then 'accounts'
        when industries_ratio is null then 'industries'
        when levels_ratio is null then 'levels'
    end as breadth_unknown_factor,
    case
        when depth_points >= depth_limit_points and breadth_points >= breadth_limit_points
            then 'deep_wide'
        when depth_points >= depth_limit_points and breadth_points < breadth_limit_points
            then 'deep_narrow'
        when depth_points < depth_limit_points and breadth_points >= breadth_limit_points
            then 'shallow_wide'
        when depth_points < depth_limit_points and breadth_points < breadth_limit_points
            then 'shallow_narrow'
    end as quadrant,
    touch_points,
    topic_points,
    overlap_points,
    active_channel_bits,
    touched_channel_bits,
    tau_touches,
    count_channels_active,
    count_channels_available,
    count_channels_silent,
    count_accounts,
    count_industries,
    count_levels
from multiplied
