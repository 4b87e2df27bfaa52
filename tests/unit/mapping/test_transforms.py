"""Every transform on clean and on bad values, executed for real."""

from __future__ import annotations

import pytest

from dagster_project.mapping.transforms import (
    STEP_MARK,
    TRANSFORMS,
    TransformError,
    parse_transform,
)
from tests.unit.mapping.cases import CASES
from tests.unit.mapping.conftest import SmallCompany


@pytest.mark.parametrize(
    "index", range(len(CASES)), ids=[f"{case.transform}-{case.values}" for case in CASES]
)
def test_transform_gives_value_or_lists_it(company: SmallCompany, index: int) -> None:
    rows = company.rows(
        f"select result, unconverted from intermediate.transform_cases where case_number = {index}"
    )
    assert rows == [(CASES[index].expected, CASES[index].unconverted)]


def test_every_transform_has_a_case() -> None:
    covered = {step.partition(":")[0] for case in CASES for step in case.transform.split(STEP_MARK)}
    looked_up = {"code", "stage", "alias"}  # covered by the canonical models
    assert covered | looked_up == set(TRANSFORMS)


@pytest.mark.parametrize(
    ("text", "inputs", "column", "message"),
    [
        ("txt", ["a"], "transform", "unknown transform 'txt'"),
        ("text:x", ["a"], "transform", "takes nothing after the colon"),
        ("before", ["a"], "transform", "needs a value: before:<value>"),
        ("text", [], "source_field", "takes exactly 1, but got 0"),
        ("text", ["a", "b"], "source_field", "takes exactly 1, but got 2"),
        ("concat:-", ["a"], "source_field", "takes at least 2, but got 1"),
        ("constant:x", ["a"], "source_field", "takes no source field"),
        ("boolean:yes=Y", ["a"], "transform", "Write boolean:true="),
        ("boolean:true=Y,false=y", ["a"], "transform", "both true and false"),
        ("timestamp:DD.MM.YYYY", ["a"], "transform", "cannot read the format"),
        ("timestamp:%Q", ["a"], "transform", "cannot read the format"),
        ("number:,", ["a"], "transform", "thousands mark"),
        ("json:customer", ["a"], "transform", "Write it like $.customer.id"),
        ("key:Other System", ["a"], "transform", "is not a system name"),
        ("scale:0", ["a"], "transform", "Write it like scale:0.001"),
        ("values:1", ["a"], "transform", "Write values:<old>=<new>"),
        ("values:*", ["a"], "transform", "changes no value"),
        ("values:1=a|1=b", ["a"], "transform", "stands twice"),
        ("url", ["a"], "source_field", "takes exactly 3, but got 1"),
        ("json:$.a > concat:-", ["a"], "source_field", "takes at least 2, but got 1"),
        ("json:$.a > txt", ["a"], "transform", "unknown transform 'txt'"),
        ("number > text", ["a"], "transform", "'number' makes number, which no further step"),
        ("code > text", ["a"], "transform", "Let it be the last step"),
    ],
)
def test_unusable_transform_is_refused(
    text: str, inputs: list[str], column: str, message: str
) -> None:
    with pytest.raises(TransformError) as caught:
        parse_transform(text, inputs)
    assert caught.value.column == column
    assert message in str(caught.value)
