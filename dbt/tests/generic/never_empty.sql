{#- Fails for each row in which one of the columns is NULL: one look at the rows for all. -#}
{% test never_empty(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
