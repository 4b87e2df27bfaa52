{# Statistics of pairs that DuckDB and Spark name alike but treat differently where nothing varies. #}

{# Sums of which the partial correlation of x and y given t is made: see partial_correlation. #}
{% macro pair_sums(x, y, t) -%}
    count(*) as count_pairs,
    sum({{ x }} * {{ x }}) - sum({{ x }}) * sum({{ x }}) / cast(count(*) as double) as sum_xx,
    sum({{ y }} * {{ y }}) - sum({{ y }}) * sum({{ y }}) / cast(count(*) as double) as sum_yy,
    sum({{ t }} * {{ t }}) - sum({{ t }}) * sum({{ t }}) / cast(count(*) as double) as sum_tt,
    sum({{ x }} * {{ y }}) - sum({{ x }}) * sum({{ y }}) / cast(count(*) as double) as sum_xy,
    sum({{ x }} * {{ t }}) - sum({{ x }}) * sum({{ t }}) / cast(count(*) as double) as sum_xt,
    sum({{ y }} * {{ t }}) - sum({{ y }}) * sum({{ t }}) / cast(count(*) as double) as sum_yt
{%- endmacro %}

{# Partial correlation of x and y given t (Yule 1907) from the columns of pair_sums; NULL where x or
   y does not vary beside t: to the millionth of a point all is noise of the arithmetic. #}
{% macro partial_correlation() -%}
    case
        when
            sum_xx - {{ safe_ratio('sum_xt * sum_xt', 'sum_tt') }} > 0.000001
            and sum_yy - {{ safe_ratio('sum_yt * sum_yt', 'sum_tt') }} > 0.000001
            then {{ safe_ratio(
                'sum_xy - ' ~ safe_ratio('sum_xt * sum_yt', 'sum_tt'),
                'sqrt((sum_xx - ' ~ safe_ratio('sum_xt * sum_xt', 'sum_tt')
                ~ ') * (sum_yy - ' ~ safe_ratio('sum_yt * sum_yt', 'sum_tt') ~ '))'
            ) }}
    end
{%- endmacro %}
