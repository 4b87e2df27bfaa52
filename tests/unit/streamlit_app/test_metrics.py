"""The semantic layer: every metric of the catalogue, its rows, split, trend and unknowns."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest

from dagster_project.settings import REPO_ROOT
from streamlit_app.data import exports, metrics
from streamlit_app.data.catalogue import (
    CatalogueError,
    Metric,
    column_types,
    load_metrics,
    load_thresholds,
    metric_from_row,
)
from streamlit_app.data.filters import UNKNOWN, Period, make_period
from tests.unit.streamlit_app.dashboard_company import AS_OF

with (REPO_ROOT / "seeds" / "metric_catalogue.csv").open(encoding="utf-8") as file:
    METRIC_IDS = [row["metric_id"] for row in csv.DictReader(file)]
ALL = make_period("all", AS_OF)
YEAR = make_period("12m", AS_OF)
SELECTIONS: dict[str, metrics.Selection] = {
    "everything": (),
    "one team": (("team", ("华东",)),),
    "two filters": (("team", ("North", "South")), ("channel", ("web", "referral"))),
    "unknown industry": (("industry", (UNKNOWN, "retail")),),
}


def find(connection: duckdb.DuckDBPyConnection, metric_id: str) -> Metric:
    return next(item for item in load_metrics(connection) if item.metric_id == metric_id)


def by_hand(metric: Metric, frame: pd.DataFrame) -> float | None:
    """The metric computed in pandas from its rows, without any SQL of the semantic layer."""
    if metric.aggregation == "count":
        return float(len(frame))
    assert metric.numerator is not None
    if metric.aggregation == "count_distinct":
        return float(frame[metric.numerator].nunique())
    values = as_numbers(frame[metric.numerator])
    if metric.aggregation == "ratio":
        if metric.denominator is None:
            return float(values.sum() / len(values))
        return float(values.sum() / as_numbers(frame[metric.denominator]).sum())
    return float(
        {"sum": values.sum, "mean": values.mean, "median": values.median}[metric.aggregation]()
    )


def as_numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column.map(lambda value: {True: 1, False: 0}.get(value, value)))


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS.keys())
@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_rows_add_up_to_the_tile(
    company: duckdb.DuckDBPyConnection, metric_id: str, selection: metrics.Selection
) -> None:
    metric = find(company, metric_id)
    result = metrics.evaluate(company, metric, selection, YEAR)
    if result.unknown is not None:
        # Only a filter may leave nothing to divide, or name what the mart does not carry.
        assert selection and result.unknown in ("dimension", "rows"), result
        return
    types = column_types(company, metric.mart)

    sums = metrics.sum_rows(company, metric, selection, YEAR)
    assert [(s.currency, s.value, s.numerator, s.denominator) for s in sums] == [
        (v.currency, pytest.approx(v.value), v.numerator, v.denominator) for v in result.values
    ]
    assert [s.count_rows for s in sums] == [v.count_known for v in result.values]

    rows = company.execute(metrics.rows_sql(metric, types, selection, YEAR)).df()
    assert len(rows) == sum(v.count_known for v in result.values)
    for value in result.values:
        part = rows
        if value.currency is not None:
            part = rows[rows["currency"] == value.currency]
        assert by_hand(metric, part) == pytest.approx(value.value)

    shown = company.execute(metrics.metric_sql(metric, types, selection, YEAR)).df()
    shown_values = shown.sort_values("count_known", ascending=False)["value"].astype(float)
    assert list(shown_values) == pytest.approx([v.value for v in result.values])


@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_pages_of_rows_show_each_row_once(
    company: duckdb.DuckDBPyConnection, metric_id: str
) -> None:
    metric = find(company, metric_id)
    first, count = metrics.rows_page(company, metric, (), ALL, None, True, 1, 40)
    second, _ = metrics.rows_page(company, metric, (), ALL, None, True, 2, 40)
    both = pd.concat([first, second])
    assert len(both) == min(count, 80)
    keys = set(first.columns[:1]) | {"visitor_address", "period_date", "source_row"}
    key = [name for name in both.columns if name in keys]
    assert not both.duplicated(key).any()


def test_rows_are_sorted_in_sql_and_unknown_columns_refused(
    company: duckdb.DuckDBPyConnection,
) -> None:
    metric = find(company, "won_amount")
    frame, _ = metrics.rows_page(company, metric, (), ALL, "won_amount", True, 1, 50)
    assert list(frame["won_amount"]) == sorted(frame["won_amount"], reverse=True)
    with pytest.raises(metrics.MetricError, match="no column nothing; drop table"):
        metrics.rows_page(company, metric, (), ALL, "nothing; drop table x", True, 1, 50)


@pytest.mark.parametrize("dimension_id", ["team", "rep", "industry", "cohort"])
@pytest.mark.parametrize("metric_id", ["lead_count", "won_amount", "win_rate_of_closed"])
def test_split_adds_up_to_the_tile(
    company: duckdb.DuckDBPyConnection, metric_id: str, dimension_id: str
) -> None:
    metric = find(company, metric_id)
    tile = metrics.evaluate(company, metric, (), YEAR)
    split = metrics.split(company, metric, (), YEAR, dimension_id)
    keys = [(key, value.currency) for key, _, value in split]
    assert len(keys) == len(set(keys))
    for value in tile.values:
        parts = [part for _, _, part in split if part.currency == value.currency]
        assert sum(part.count_rows for part in parts) == value.count_rows
        if metric.aggregation == "ratio":
            assert sum(part.numerator or 0 for part in parts) == value.numerator
            assert sum(part.denominator or 0 for part in parts) == value.denominator
        else:
            assert sum(part.value or 0 for part in parts) == pytest.approx(value.value)


@pytest.mark.parametrize("period_id", ["4w", "13w", "qtd", "12m", "all"])
@pytest.mark.parametrize("metric_id", ["lead_count", "web_request_count", "net_order_amount"])
def test_trend_adds_up_to_the_tile(
    company: duckdb.DuckDBPyConnection, metric_id: str, period_id: str
) -> None:
    metric = find(company, metric_id)
    result = metrics.evaluate(company, metric, (), make_period(period_id, AS_OF))
    if result.leading is None:
        assert result.unknown == "rows"  # orders end before the last four weeks
        return
    days = [day for day, _ in result.trend]
    assert days == sorted(set(days))
    assert sum(value or 0 for _, value in result.trend) == pytest.approx(result.leading.value)


def test_weeks_are_whole_and_end_with_the_period(company: duckdb.DuckDBPyConnection) -> None:
    period = make_period("13w", AS_OF)
    result = metrics.evaluate(company, find(company, "lead_count"), (), period)
    assert result.grain == "week"
    assert [day for day, _ in result.trend] == [
        period.start + timedelta(weeks=index)  # type: ignore[operator]
        for index in range(13)
    ]


def test_a_trend_is_unknown_beyond_the_data_and_zero_within(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute("delete from mart_lead where period_date > date '2026-06-20'")
    own_company.execute("delete from mart_lead where period_date = date '2026-06-10'")
    period = make_period("4w", AS_OF)
    result = metrics.evaluate(own_company, find(own_company, "lead_count"), (), period)
    trend = dict(result.trend)
    assert trend[date(2026, 6, 10)] == 0
    assert trend[date(2026, 6, 21)] is None


def test_previous_period_is_the_same_question_asked_before(
    company: duckdb.DuckDBPyConnection,
) -> None:
    period = make_period("13w", AS_OF)
    before = period.previous()
    assert before is not None and before.days == period.days and before.end == period.start
    for metric_id in ("lead_response_minutes_median", "won_amount", "lead_count"):
        metric = find(company, metric_id)
        now = metrics.evaluate(company, metric, (), period)
        then = metrics.evaluate(company, metric, (), before)
        assert now.previous == then.values


def test_no_comparison_where_the_data_do_not_reach_back(
    company: duckdb.DuckDBPyConnection,
) -> None:
    result = metrics.evaluate(company, find(company, "lead_count"), (), YEAR)
    assert result.values and not result.previous


def test_currencies_are_never_added(company: duckdb.DuckDBPyConnection) -> None:
    result = metrics.evaluate(company, find(company, "won_amount"), (), ALL)
    assert [value.currency for value in result.values] == ["CNY", "USD"]
    by_currency = dict(
        company.execute(
            "select currency, sum(won_amount) from mart_opportunity where is_won group by 1"
        ).fetchall()
    )
    assert {v.currency: v.value for v in result.values} == pytest.approx(
        {name: float(value) for name, value in by_currency.items()}
    )


def test_unknown_where_no_source_delivers_the_object(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    result = metrics.evaluate(own_company, find(own_company, "net_order_amount"), (), ALL)
    assert (result.unknown, result.unknown_what) == ("object", "order_line, order")
    assert result.values == ()
    own_company.execute("delete from mart_object_coverage where object_name = 'lead'")
    result = metrics.evaluate(own_company, find(own_company, "lead_conversion_ratio"), (), ALL)
    assert (result.unknown, result.unknown_what) == ("object", "lead")


def test_unknown_where_the_chosen_source_has_no_such_rows(
    company: duckdb.DuckDBPyConnection,
) -> None:
    metric = find(company, "lead_count")
    assert metrics.evaluate(company, metric, (("source", ("web",)),), ALL).unknown == "object"
    assert metrics.evaluate(company, metric, (("source", ("crm",)),), ALL).unknown is None


def test_unknown_where_the_mart_does_not_carry_the_filter(
    company: duckdb.DuckDBPyConnection,
) -> None:
    metric = find(company, "web_request_count")
    result = metrics.evaluate(company, metric, (("team", ("North",)),), ALL)
    assert (result.unknown, result.unknown_what) == ("dimension", "team")


def test_unknown_before_the_first_row_and_for_a_statistic_of_nothing(
    company: duckdb.DuckDBPyConnection,
) -> None:
    before = Period("custom", date(2020, 1, 1), date(2020, 2, 1))
    count = find(company, "lead_count")
    result = metrics.evaluate(company, count, (), before)
    assert (result.unknown, result.first_date) == ("period", date(2024, 10, 1))
    nobody = (("team", ("Nobody",)),)
    median = find(company, "lead_response_minutes_median")
    assert metrics.evaluate(company, median, nobody, ALL).unknown == "rows"
    # The source delivers leads and none matched: a real zero.
    zero = metrics.evaluate(company, count, nobody, ALL)
    assert zero.unknown is None and zero.leading is not None and zero.leading.value == 0


def test_what_the_pipeline_finds_about_itself_is_zero_when_it_finds_nothing(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute("delete from mart_quarantined_row")
    own_company.execute("delete from mart_unmatched_reference")
    for metric_id in ("quarantined_row_count", "unmatched_reference_count"):
        metric = find(own_company, metric_id)
        result = metrics.evaluate(own_company, metric, (), ALL)
        assert result.leading is not None and result.leading.value == 0
        (added,) = metrics.sum_rows(own_company, metric, (), ALL)
        assert (added.value, added.count_rows) == (0, 0)


def test_unknown_numerators_are_left_out_of_a_ratio(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    metric = replace(find(own_company, "win_rate_of_all"), denominator=None, row_filter=None)
    own_company.execute("update mart_opportunity set is_won = null where is_open")
    result = metrics.evaluate(own_company, metric, (), ALL)
    assert result.leading is not None
    assert (result.leading.numerator, result.leading.denominator) == (400, 800)
    assert (result.leading.count_known, result.leading.count_rows) == (800, 1000)


def test_a_filter_value_is_data_and_never_sql(company: duckdb.DuckDBPyConnection) -> None:
    metric = find(company, "lead_count")
    attack = (("team", ("x') or 1 = 1 --", "o'brien\\")),)
    result = metrics.evaluate(company, metric, attack, ALL)
    assert result.leading is not None and result.leading.value == 0


def test_a_definition_that_does_not_fit_is_shown_as_unknown_with_the_column(
    company: duckdb.DuckDBPyConnection,
) -> None:
    bad = replace(find(company, "won_amount"), numerator="amount_of_won")
    good = find(company, "lead_count")
    results = metrics.evaluate_many(company, (bad, good), (), ALL)
    assert results["won_amount"].unknown == "definition"
    assert "mart_opportunity has no column amount_of_won" in str(results["won_amount"].unknown_what)
    assert results["lead_count"].unknown is None


GOOD_ROW = {
    "metric_id": "m",
    "mart": "mart_lead",
    "aggregation": "sum",
    "numerator": "amount",
    "is_headline": "true",
    "objects": "lead|account",
}


def test_a_good_catalogue_row_is_read() -> None:
    metric = metric_from_row(GOOD_ROW)
    assert (metric.numerator, metric.denominator, metric.is_headline) == ("amount", None, True)
    assert metric.objects == ("lead", "account")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aggregation": "average"}, "aggregation='average': use one of count"),
        ({"numerator": None}, "sum needs a numerator"),
        ({"numerator": "a; drop"}, "numerator='a; drop': not a column"),
        ({"row_filter": "not is won"}, "row_filter='is won': not a column"),
        ({"mart": ""}, "mart is empty"),
    ],
)
def test_a_bad_catalogue_row_names_metric_field_and_remedy(
    change: dict[str, str | None], message: str
) -> None:
    with pytest.raises(CatalogueError, match=message) as caught:
        metric_from_row({**GOOD_ROW, **change})
    assert "metric_id=m" in str(caught.value)


def test_thresholds_follow_their_valid_from(own_company: duckdb.DuckDBPyConnection) -> None:
    own_company.execute(
        "insert into thresholds select * replace (50 as value, date '2027-01-01' as valid_from) "
        "from thresholds where threshold_id = 'small_sample_rows'"
    )
    assert load_thresholds(own_company, AS_OF)["small_sample_rows"] == 30
    assert load_thresholds(own_company, date(2027, 2, 1))["small_sample_rows"] == 50


def test_csv_has_all_rows_and_xlsx_the_same_without_formulas(
    own_company: duckdb.DuckDBPyConnection,
) -> None:
    own_company.execute(
        "update mart_opportunity set opportunity_name = '=1+1' where opportunity_id = 'crm:opp0'"
    )
    metric = find(own_company, "won_amount")
    result = metrics.evaluate(own_company, metric, (), ALL)
    expected = sum(value.count_known for value in result.values)
    content = exports.rows_csv(own_company, metric, (), ALL)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == expected
    cny = sum(float(row["won_amount"]) for row in rows if row["currency"] == "CNY")
    assert cny == pytest.approx(result.values[0].value)

    about = (("Metric", "Won"), ("Owner", "销售运营"))
    workbook = exports.rows_xlsx(own_company, metric, (), ALL, about, "About", "Rows")
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(workbook))
    assert book.sheetnames == ["About", "Rows"]
    assert book["About"]["B2"].value == "销售运营"
    sheet = book["Rows"]
    assert sheet.max_row == expected + 1
    names = [cell.value for cell in sheet[1]]
    column = names.index("opportunity_name")
    cells = [row[column] for row in sheet.iter_rows(min_row=2)]
    formula_like = [cell for cell in cells if cell.value == "=1+1"]
    assert [cell.data_type for cell in formula_like] == ["s"]


def test_a_stock_is_what_there_is_on_the_reporting_day(company: duckdb.DuckDBPyConnection) -> None:
    stock = find(company, "open_opportunity_count")
    assert stock.is_stock
    result = metrics.evaluate(company, stock, (), make_period("4w", AS_OF))
    assert result.values == metrics.evaluate(company, stock, (), ALL).values
    assert result.values[0].value and not result.previous and not result.trend
    flow = replace(stock, is_stock=False)
    assert metrics.evaluate(company, flow, (), make_period("4w", AS_OF)).values != result.values
