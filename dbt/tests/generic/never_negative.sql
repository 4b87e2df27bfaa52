{#- Fails for each row in which one of the columns is below zero; unknown values pass. -#}
{% test never_negative(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
where {{ columns | join(' < 0 or ') }} < 0
{% endtest %}
