-- One row per visitor and day whose visit went on for longer than a session may, and the reason.
with

overlong as (

    select * from {{ ref('int_web__overlong_sessions') }}

),

visitors as (

    select * from {{ ref('int_web__visitors') }}

)

select
    overlong.visitor_id || '/' || cast(overlong.session_date as string) as overlong_session_id,
    overlong.source_system,
    overlong.session_date as period_date,
    overlong.visitor_id,
    visitors.visitor_address,
    visitors.user_agent,
    overlong.reason as reason_code,
    overlong.count_views,
    overlong.first_seen_at,
    overlong.last_seen_at,
    overlong.is_bot,
    overlong.is_staff
from overlong
left join visitors on overlong.visitor_id = visitors.visitor_id
