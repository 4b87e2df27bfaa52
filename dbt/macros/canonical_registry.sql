{#- The registry (seeds/canonical_objects.csv and canonical_fields.csv) as lists, because dbt cannot
    read a seed while it parses. A unit test compares them with the seeds. -#}

{%- macro canonical_model(object) -%}
    {#- Name of the model that holds all rows of a canonical object. -#}
    {%- if object[-1:] == 'y' and object[-2:-1] not in 'aeiou' -%}
        {{ return('int_canonical__' ~ object[:-1] ~ 'ies') }}
    {%- elif object[-1:] in ['s', 'x'] or object[-2:] in ['ch', 'sh'] -%}
        {{ return('int_canonical__' ~ object ~ 'es') }}
    {%- else -%}
        {{ return('int_canonical__' ~ object ~ 's') }}
    {%- endif -%}
{%- endmacro -%}

{%- macro object_model(object) -%}
    {#- The model that later models read for an object: its core table, else its canonical view.
        Views are worked out anew at each reading, so checks over all objects read the tables. -#}
    {%- set core = {
        'account': 'dim_account',
        'contact': 'dim_contact',
        'team': 'dim_team',
        'rep': 'dim_rep',
        'product': 'dim_product',
        'lead': 'fct_lead',
        'opportunity': 'fct_opportunity',
        'opportunity_stage_event': 'fct_opportunity_stage_event',
        'quote': 'fct_quote',
        'activity': 'fct_activity',
        'order': 'fct_order',
        'order_line': 'fct_order_line',
        'invoice': 'fct_invoice',
    } -%}
    {{ return(core.get(object, canonical_model(object))) }}
{%- endmacro -%}

{%- macro canonical_objects() -%}
    {{ return([
        'account',
        'contact',
        'contact_job_change',
        'rep',
        'team',
        'rep_skill',
        'lead',
        'opportunity',
        'opportunity_stage_event',
        'quote',
        'approval',
        'activity',
        'activity_text',
        'contact_optout',
        'content',
        'content_share',
        'community_post',
        'event_attendance',
        'web_event',
        'visitor_link',
        'account_network',
        'product',
        'order',
        'order_line',
        'invoice',
        'payment',
        'inventory_batch',
        'production_order',
        'shipment',
        'policy_event',
        'suggestion',
        'decision',
        'field_observation',
        'project_team',
        'project_member',
        'project_milestone',
        'gate_review',
        'knowledge_item',
        'knowledge_use',
        'points_entry',
        'config_change',
        'business_event',
    ]) }}
{%- endmacro -%}

{%- macro canonical_references() -%}
    {{ return([
        {'object': 'account', 'field': 'parent_account_id', 'references': 'account'},
        {'object': 'account', 'field': 'owner_rep_id', 'references': 'rep'},
        {'object': 'contact', 'field': 'account_id', 'references': 'account'},
        {'object': 'contact_job_change', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'contact_job_change', 'field': 'from_account_id', 'references': 'account'},
        {'object': 'contact_job_change', 'field': 'to_account_id', 'references': 'account'},
        {'object': 'rep', 'field': 'team_id', 'references': 'team'},
        {'object': 'rep_skill', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'lead', 'field': 'account_id', 'references': 'account'},
        {'object': 'lead', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'lead', 'field': 'owner_rep_id', 'references': 'rep'},
        {'object': 'lead', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'opportunity', 'field': 'account_id', 'references': 'account'},
        {'object': 'opportunity', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'opportunity', 'field': 'lead_id', 'references': 'lead'},
        {'object': 'opportunity', 'field': 'product_id', 'references': 'product'},
        {'object': 'opportunity', 'field': 'owner_rep_id', 'references': 'rep'},
        {'object': 'opportunity', 'field': 'referred_by_account_id', 'references': 'account'},
        {'object': 'opportunity_stage_event', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'opportunity_stage_event', 'field': 'changed_by_rep_id', 'references': 'rep'},
        {'object': 'quote', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'activity', 'field': 'account_id', 'references': 'account'},
        {'object': 'activity', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'activity', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'activity', 'field': 'lead_id', 'references': 'lead'},
        {'object': 'activity', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'activity_text', 'field': 'activity_id', 'references': 'activity'},
        {'object': 'contact_optout', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'content_share', 'field': 'content_id', 'references': 'content'},
        {'object': 'content_share', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'content_share', 'field': 'account_id', 'references': 'account'},
        {'object': 'content_share', 'field': 'to_contact_id', 'references': 'contact'},
        {'object': 'community_post', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'community_post', 'field': 'account_id', 'references': 'account'},
        {'object': 'event_attendance', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'event_attendance', 'field': 'account_id', 'references': 'account'},
        {'object': 'visitor_link', 'field': 'contact_id', 'references': 'contact'},
        {'object': 'visitor_link', 'field': 'account_id', 'references': 'account'},
        {'object': 'account_network', 'field': 'account_id', 'references': 'account'},
        {'object': 'order', 'field': 'account_id', 'references': 'account'},
        {'object': 'order', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'order_line', 'field': 'order_id', 'references': 'order'},
        {'object': 'order_line', 'field': 'product_id', 'references': 'product'},
        {'object': 'invoice', 'field': 'order_id', 'references': 'order'},
        {'object': 'invoice', 'field': 'account_id', 'references': 'account'},
        {'object': 'payment', 'field': 'invoice_id', 'references': 'invoice'},
        {'object': 'payment', 'field': 'account_id', 'references': 'account'},
        {'object': 'inventory_batch', 'field': 'product_id', 'references': 'product'},
        {'object': 'production_order', 'field': 'product_id', 'references': 'product'},
        {'object': 'production_order', 'field': 'order_id', 'references': 'order'},
        {'object': 'shipment', 'field': 'order_id', 'references': 'order'},
        {'object': 'decision', 'field': 'suggestion_id', 'references': 'suggestion'},
        {'object': 'decision', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'field_observation', 'field': 'account_id', 'references': 'account'},
        {'object': 'field_observation', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'project_team', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'project_member', 'field': 'project_team_id', 'references': 'project_team'},
        {'object': 'project_member', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'project_milestone', 'field': 'project_team_id', 'references': 'project_team'},
        {'object': 'gate_review', 'field': 'project_team_id', 'references': 'project_team'},
        {'object': 'gate_review', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'knowledge_item', 'field': 'owner_rep_id', 'references': 'rep'},
        {'object': 'knowledge_use', 'field': 'knowledge_item_id', 'references': 'knowledge_item'},
        {'object': 'knowledge_use', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'knowledge_use', 'field': 'opportunity_id', 'references': 'opportunity'},
        {'object': 'points_entry', 'field': 'rep_id', 'references': 'rep'},
        {'object': 'points_entry', 'field': 'knowledge_item_id', 'references': 'knowledge_item'},
        {'object': 'business_event', 'field': 'account_id', 'references': 'account'},
        {'object': 'business_event', 'field': 'order_id', 'references': 'order'},
    ]) }}
{%- endmacro -%}
