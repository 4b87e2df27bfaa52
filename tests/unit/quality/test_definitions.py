from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.settings import REPO_ROOT
from expectations import DefinitionError, load_suites

GOOD: dict[str, Any] = {
    "suite": "leads",
    "layer": "mart",
    "description": {"en": "Leads", "zh": "线索"},
    "tables": {"models": ["mart_lead"]},
    "checks": [
        {
            "check": "amount",
            "severity": "error",
            "failing": "amount < 0",
            "description": {"en": "No lead is negative", "zh": "不为负"},
        }
    ],
}


def _write(folder: Path, suite: object, name: str = "leads") -> Path:
    path = folder / "marts" / f"{name}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(suite, allow_unicode=True), encoding="utf-8")
    return folder


def _with_check(**changes: Any) -> dict[str, Any]:
    check = {**GOOD["checks"][0], **changes}
    return {**GOOD, "checks": [{k: v for k, v in check.items() if v is not None}]}


def test_a_good_suite_is_read(tmp_path: Path) -> None:
    (suite,) = load_suites(_write(tmp_path, GOOD))
    assert suite.check_id(suite.checks[0]) == "leads__amount"


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ({**GOOD, "layer": "silver"}, r"layer: Input should be 'landed' or 'mart'"),
        ({**GOOD, "tables": {}}, r"`tables\.models` belongs to suites of layer mart"),
        ({**GOOD, "checks": GOOD["checks"] * 2}, r"rename one of: amount"),
        ({**GOOD, "colour": 1}, r"colour: Extra inputs are not permitted"),
        (_with_check(measure="count(*)"), r"checks\.0: .*either `failing`"),
        (_with_check(failing=None), r"checks\.0: .*either `failing`"),
        (
            _with_check(failing=None, measure="count(*)"),
            r"checks\.0: .*`measure` needs `arguments`",
        ),
        (_with_check(arguments={"max_value": 1}), r"checks\.0: .*takes no `arguments`"),
        (_with_check(severity="warn"), r"checks\.0: .*a warning needs a `reason`"),
        (_with_check(description={"en": "Only English"}), r"description\.zh: Field required"),
        (_with_check(adds_up_by="period_date"), r"checks\.0: .*`adds_up_by` is for a `measure`"),
        (
            _with_check(
                failing=None,
                measure="count(*) - count(distinct id)",
                arguments={"max_value": 0},
                adds_up_by="period_date",
            ),
            r"checks\.0: .*with `counts_rows`",
        ),
        (
            _with_check(
                failing=None,
                measure="count(*) - (select count(*) from {fct_lead})",
                arguments={"max_value": 0},
                counts_rows=True,
                adds_up_by="period_date",
            ),
            r"checks\.0: .*reads no other table",
        ),
        (_with_check(severity="fatal"), r"checks\.0\.severity"),
    ],
)
def test_a_bad_suite_is_named_with_its_key(
    tmp_path: Path, suite: dict[str, Any], message: str
) -> None:
    with pytest.raises(DefinitionError, match=rf"leads\.yml: .*{message}"):
        load_suites(_write(tmp_path, suite))


def test_broken_yaml_and_a_repeated_name(tmp_path: Path) -> None:
    _write(tmp_path, GOOD)
    _write(tmp_path, GOOD, "more")
    with pytest.raises(DefinitionError, match="two files name the suite leads"):
        load_suites(tmp_path)
    (tmp_path / "marts" / "more.yml").write_text("suite: [", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"more\.yml: not valid YAML"):
        load_suites(tmp_path)


def test_every_mart_has_a_suite_and_every_suite_its_model() -> None:
    marts = {path.stem for path in (REPO_ROOT / "dbt" / "models" / "marts").rglob("*.sql")}
    suites = [suite for suite in load_suites() if suite.layer == "mart"]
    assert {model for suite in suites for model in suite.tables.models} == marts
    known = {path.stem for path in (REPO_ROOT / "dbt" / "models").rglob("*.sql")}
    known |= {path.stem for path in (REPO_ROOT / "seeds").glob("*.csv")} | {"table", "as_of", "now"}
    used = {
        name
        for suite in suites
        for check in suite.checks
        for name in re.findall(r"\{([a-z_]+)\}", f"{check.failing} {check.measure}")
    }
    assert used - known == set()


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("dagster_project.publishing", ["pandas", "pyarrow", "dagster", "dbt", "yaml"]),
        ("dagster_project.publishing.reader", ["pandas", "pyarrow", "dagster", "dbt", "yaml"]),
        ("dagster_project.quality", ["great_expectations", "pandas", "dagster", "dbt", "dlt"]),
    ],
)
def test_importing_is_light(module: str, forbidden: list[str]) -> None:
    script = f"import sys, {module}; print([m for m in {forbidden!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO_ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
