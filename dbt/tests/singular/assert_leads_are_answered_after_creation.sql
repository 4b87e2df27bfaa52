-- What: lists leads whose first response lies before their creation.
-- Why: their response time is unknown. The fault is the source's and costs only these rows, so it
-- is a warning: publishing must not wait for someone to correct a CRM.
{{ config(severity='warn') }}
select
    lead_id,
    created_at,
    first_response_at
from {{ ref('fct_lead') }}
where first_response_at < created_at
