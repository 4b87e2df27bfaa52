{# Macros of the relationship graph. #}

{# Points of a sum of influence: 100 · (1 − exp(−sum ÷ saturation)). They grow with every account
   and stay below 100; rounded, because engines differ in the last digits. #}
{% macro influence_points(influence, saturation) -%}
    round(100 * (1 - exp(-{{ safe_ratio(influence, saturation) }})), 6)
{%- endmacro %}

{# Bound ('lower' or 'upper') of the 95 % Wilson score interval of a share (Wilson 1927). Unlike the
   plain interval it stays inside 0 and 1 and holds for small numbers; NULL where the total is 0. #}
{% macro wilson_bound(count, total, side) -%}
    {%- set z = 1.959964 -%}
    {%- set sign = '-' if side == 'lower' else '+' -%}
    (
        (
            {{ safe_ratio(count, total) }} + {{ safe_ratio(z * z, '2 * ' ~ total) }}
            {{ sign }} {{ z }} * sqrt(
                {{ safe_ratio(
                    safe_ratio(count, total) ~ ' * (1 - ' ~ safe_ratio(count, total) ~ ')', total
                ) }}
                + {{ safe_ratio(z * z, '4 * ' ~ total ~ ' * ' ~ total) }}
            )
        )
        / (1 + {{ safe_ratio(z * z, total) }})
    )
{%- endmacro %}
