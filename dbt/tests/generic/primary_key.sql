{#- Fails for each row without a key and for each key that occurs more than once: one look at the
    rows instead of two. -#}
{% test primary_key(model, column_name) %}
select
    {{ column_name }},
    count(*) as count_rows
from {{ model }}
group by {{ column_name }}
having {{ column_name }} is null or count(*) > 1
{% endtest %}
