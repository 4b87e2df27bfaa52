"""Which rows are one customer or person, by hand-made cases: dbt builds of the models alone.

The tables they read are written here, so that each case shows all there is to know about it. The
tests build on each other in file order: decisions are made and taken back between builds.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.identity.comparisons import SIMILARITIES, load_records, splink_settings
from dagster_project.identity.training import TrainingError, levels_of, train
from dagster_project.mapping import compile_mapping
from dagster_project.settings import REPO_ROOT, Settings
from tests.integration.pipeline_run import DbtRun, dbt

pytestmark = [pytest.mark.integration, pytest.mark.systems, pytest.mark.timeout(600)]

SEEDS = (
    "thresholds",
    "visitor_link_rule",
    "identity_rule",
    "identity_source",
    "identity_override",
    "identity_name_word",
    "identity_match_weight",
    "customer_segment",
)
MODELS = (
    "int_rules__thresholds",
    "int_identity__link_rules",
    "path:models/intermediate/customer",
    "path:models/core/customer",
    "mart_customer_record",
    "mart_identity_review",
)
MAX_RECORDS = 6


@dataclass(frozen=True)
class Firm:
    """An account; its system stands before the colon of its id."""

    account_id: str
    name: str
    tax_id: str | None = None
    domain: str | None = None
    phone: str | None = None
    city: str | None = None
    address: str | None = None
    country: str | None = "China"
    parent: str | None = None


FIRMS = (
    Firm("crm:tax", "Alder Optik GmbH", tax_id="DE 811 907 980"),
    Firm("erp:tax", "ALDER OPTIK", tax_id="DE811907980"),
    # Anybody has a mailbox there.
    Firm("crm:mail1", "Birke Handel", domain="qq.com"),
    Firm("erp:mail2", "Birke Handels AG", domain="qq.com", city="Lyon"),
    # A bookkeeper's telephone.
    *(
        Firm(f"crm:desk{n}", name, phone="021-55550000")
        for n, name in enumerate(("Cedar", "Dattel", "Esche", "Feige", "Ginkgo"))
    ),
    # A switchboard of two firms.
    Firm("crm:board1", "Nordlicht Optik GmbH", phone="030-7000001"),
    Firm("erp:board2", "Zimmer Logistik AG", phone="030 7000001"),
    # A firm and its subsidiary.
    Firm("crm:head", "Hasel Werke", tax_id="DE100000001", domain="hasel.example", phone="5550101"),
    Firm("erp:sub", "Hasel Werke Sued", tax_id="DE100000002", domain="www.hasel.example",
         phone="5550101"),
    # One core in two spellings, and look-alikes.
    Firm("crm:core", "上海天合医疗科技有限公司", city="上海市"),
    Firm("erp:core", "天合医疗科技（上海）有限责任公司", address="上海 上海市 12"),
    Firm("erp:other_place", "成都天合医疗科技有限公司", address="四川 成都 8"),
    Firm("erp:other_mark", "上海天合创医疗科技有限公司", address="上海 上海市 9"),
    Firm("crm:plain", "杭州华瑞能源有限公司", city="杭州"),
    Firm("erp:group", "杭州华瑞能源集团有限公司", address="浙江 杭州 3"),
    Firm("sap:branch", "杭州华瑞能源有限公司上海分公司"),
    Firm("crm:number3", "Iris Klinik 3 Inc.", city="Austin", country="United States"),
    Firm("erp:number4", "IRIS KLINIK 4 INC", address="Texas Austin 5", country="United States"),
    # People decide.
    Firm("crm:chain1", "Juniper Pumps Ltd", tax_id="GB10203040"),
    Firm("erp:chain2", "Juniper Pumps", tax_id="GB10203040", phone="020-8888001"),
    Firm("sap:chain3", "Juniper Pumps North", phone="020-8888001"),
    Firm("crm:direct1", "Kastanie Holz", tax_id="DE200000001"),
    Firm("erp:direct2", "Kastanie Holzbau", tax_id="DE200000001"),
    Firm("crm:merge1", "Linde Werkzeug", tax_id="DE900000001"),
    Firm("erp:merge2", "Magnolia Tools"),
    Firm("crm:undo1", "Narzisse Glas"),
    Firm("erp:undo2", "Oleander Stahl"),
    # Two tax ids, tied by a row without one: it hangs on the domain more firmly.
    Firm("crm:tied1", "Pappel Bau", tax_id="DE300000001", phone="030-3333001"),
    Firm("erp:tied2", "Pappel Bau", phone="030-3333001", domain="pappel.example"),
    Firm("sap:tied3", "Pappel Bau", tax_id="DE300000002", domain="pappel.example"),
    # A chain of eight rows.
    *(
        Firm(f"{'crm' if n % 2 else 'erp'}:long{n}", f"Quitte Saft {'I' * n}",
             phone=f"040-44440{(n + 1) // 2:02d}", domain=f"quitte{n // 2}.example")
        for n in range(1, 9)
    ),
    Firm("crm:own", "Robinie Druck", tax_id="DE400000001", parent="crm:own"),
    Firm("crm:circle", "Salweide Farben", tax_id="DE500000001", parent="erp:circle"),
    Firm("erp:circle", "Salweide Farben", tax_id="DE500000001", parent="crm:circle"),
)  # fmt: skip
CLUSTERS = (
    {"crm:tax", "erp:tax"},
    {"crm:core", "erp:core"},
    {"crm:chain1", "erp:chain2"},
    {"crm:merge1", "erp:merge2"},
    {"erp:tied2", "sap:tied3"},
    {"erp:long2", "crm:long3"},
    {"erp:long4", "crm:long5"},
    {"erp:long6", "crm:long7"},
    {"crm:circle", "erp:circle"},
)


@dataclass(frozen=True)
class Contact:
    """A contact; ``touched`` is an account that its activities name."""

    contact_id: str
    name: str
    account: str | None = None
    email: str | None = None
    phone: str | None = None
    chat_id: str | None = None
    touched: str | None = None
    former: str | None = None


CONTACTS = (
    Contact("crm:bridge", "周艳", "crm:tax", "zy@a.example", chat_id="wm1"),
    Contact("chat:bridge", "周工", chat_id="wm1"),
    # An office mailbox.
    Contact("crm:office1", "Anna Baum", "crm:tax", "office@b.example"),
    Contact("erp:office2", "Carl Dorn", "erp:tax", "Office@b.example"),
    Contact("crm:phone", "王晓东", "crm:tax", "w@c.example", "13800000007"),
    Contact("chat:phone", "王工", phone="+86 138-0000-0007"),
    # Name and firm; the firm's row is that of another system.
    Contact("crm:firm", "欧阳立新", "crm:core", "o@d.example"),
    Contact("chat:firm", "欧阳立新", chat_id="wm2", touched="erp:core"),
    # Two of one name in a firm.
    Contact("crm:same1", "何国栋", "crm:core", "h1@d.example", "13900000001"),
    Contact("crm:same2", "何国栋", "crm:core", "h2@d.example", "13900000002"),
    Contact("chat:same", "何国栋", chat_id="wm3", touched="crm:core"),
    # One name in two firms.
    Contact("crm:away1", "郭春梅", "crm:head", "g@e.example"),
    Contact("chat:away2", "郭春梅", chat_id="wm4", touched="crm:plain"),
    Contact("crm:moved", "罗俊杰", "crm:head", "l@e.example", former="crm:plain"),
    Contact("chat:moved", "罗俊杰", chat_id="wm5", touched="crm:plain"),
)
PERSONS = (
    {"crm:bridge", "chat:bridge"},
    {"crm:phone", "chat:phone"},
    {"crm:firm", "chat:firm"},
)
DECISIONS = (
    ("1", "account", "split", "sap:chain3", "crm:chain1", "2026-02-01"),
    ("2", "account", "split", "crm:direct1", "erp:direct2", "2026-02-01"),
    ("3", "account", "merge", "crm:merge1", "erp:merge2", "2026-02-01"),
    ("4", "account", "merge", "crm:undo1", "erp:undo2", "2026-02-01"),
    ("5", "account", "undo", "erp:undo2", "crm:undo1", "2026-02-02"),
    ("6", "account", "merge", "crm:gone", "erp:merge2", "2026-02-01"),
)


def _decide(settings: Settings, rows: Iterable[Sequence[str]]) -> None:
    with (settings.seeds / "identity_override.csv").open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, subject, action, left, right, day in rows:
            writer.writerow((number, subject, action, left, right, "Li Na", day, "Asked them"))


def _account(firm: Firm) -> tuple[object, ...]:
    return (firm.account_id, firm.account_id.split(":")[0], firm.name, firm.tax_id, firm.domain,
            firm.phone, firm.city, firm.address, firm.country, firm.parent)  # fmt: skip


def _write_tables(warehouse: Path) -> None:
    """What the identity models read, in the shape in which other models make it."""
    warehouse.parent.mkdir(parents=True)
    with duckdb.connect(warehouse) as connection:
        connection.execute("create schema core")
        connection.execute("create schema intermediate")
        for table, columns, rows in (
            ("intermediate.int_canonical__accounts",
             "account_id varchar, source_system varchar, account_name varchar, tax_id varchar, "
             "web_domain varchar, phone varchar, city varchar, address varchar, country varchar, "
             "parent_account_id varchar", [_account(firm) for firm in FIRMS]),
            ("intermediate.int_canonical__contacts",
             "contact_id varchar, source_system varchar, contact_name varchar, account_id varchar, "
             "email varchar, phone varchar, external_chat_id varchar",
             [(one.contact_id, one.contact_id.split(":")[0], one.name, one.account, one.email,
               one.phone, one.chat_id) for one in CONTACTS]
             # The rarer a name, the more it says: as many people as a small company knows.
             + [(f"crm:p{n}", "crm", f"Person{n} Name{n}", None, None, None, None)
                for n in range(2000)]),
            ("intermediate.int_canonical__activities",
             "contact_id varchar, account_id varchar, opportunity_id varchar",
             [(one.contact_id, one.touched, None) for one in CONTACTS if one.touched]),
            ("intermediate.int_canonical__contact_job_changes",
             "contact_id varchar, from_account_id varchar",
             [(one.contact_id, one.former) for one in CONTACTS if one.former]),
            ("intermediate.int_canonical__opportunities",
             "opportunity_id varchar, account_id varchar", [("crm:none", "crm:none")]),
            ("core.dim_rep", "rep_id varchar, team_id varchar", [("crm:rep", "crm:team")]),
        ):  # fmt: skip
            connection.execute(f"create table {table} ({columns})")
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"insert into {table} values ({marks})", list(rows))
        connection.execute(
            """
            create view core.dim_account as
            select *, null::varchar as industry, null::varchar as region, null::varchar as tier,
                null::bigint as size_employees, null::varchar as owner_rep_id,
                null::timestamp as created_at
            from intermediate.int_canonical__accounts;
            create view core.dim_contact as
            select *, null::varchar as title, null::varchar as decision_level,
                null::boolean as is_active, null::timestamp as created_at
            from intermediate.int_canonical__contacts;
            """
        )


def _build(settings: Settings, *arguments: str) -> DbtRun:
    run = dbt(
        settings, "build", "--select", *SEEDS, *MODELS, "--indirect-selection", "cautious",
        "--exclude", "test_type:unit", *arguments,
    )  # fmt: skip
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("customers")
    shutil.copytree(REPO_ROOT / "seeds", home / "seeds")
    (home / "sources.toml").write_text("as_of = 2026-06-30\n", encoding="utf-8")
    settings = Settings(home=home, seeds=home / "seeds", sources=home / "sources.toml")
    sources = home / "seeds" / "identity_source.csv"
    sources.write_text(
        "subject,source_system,source_rank,valid_from,reason\naccount,crm,1,2010-01-01,a\n"
        "account,erp,2,2010-01-01,a\ncontact,crm,1,2010-01-01,a\n",
        encoding="utf-8",
    )
    limits = home / "seeds" / "thresholds.csv"
    limits.write_text(
        limits.read_text("utf-8").replace(
            "identity_max_records,60,", f"identity_max_records,{MAX_RECORDS},"
        ),
        encoding="utf-8",
    )
    _decide(settings, DECISIONS)
    compile_mapping(settings)
    _write_tables(settings.warehouse)
    _build(settings)
    return settings


def _rows(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _clusters(settings: Settings, subject: str = "account") -> list[set[str]]:
    bridge, cluster = {
        "account": ("bridge_account_customer", "customer_id"),
        "contact": ("bridge_contact_person", "person_id"),
    }[subject]
    found: dict[object, set[str]] = {}
    for record, name in _rows(settings, f"select {subject}_id, {cluster} from core.{bridge}"):
        found.setdefault(name, set()).add(str(record))
    return sorted((members for members in found.values() if len(members) > 1), key=sorted)


def _status(settings: Settings, one: str, other: str) -> tuple[object, ...] | None:
    rows = _rows(
        settings,
        "select status, method, rule_id from core.fct_identity_link "
        f"where left_id = '{min(one, other)}' and right_id = '{max(one, other)}'",
    )
    return rows[0] if rows else None


def test_accounts_are_the_customers_that_the_evidence_says(settings: Settings) -> None:
    assert _clusters(settings) == sorted((set(cluster) for cluster in CLUSTERS), key=sorted)


def test_contacts_are_the_persons_that_the_evidence_says(settings: Settings) -> None:
    assert _clusters(settings, "contact") == sorted(
        (set(cluster) for cluster in PERSONS), key=sorted
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("crm:tax", "erp:tax", ("linked", "exact", "account_tax_id")),
        ("crm:core", "erp:core", ("linked", "match_weight", None)),
        ("crm:board1", "erp:board2", ("rejected", "exact", "account_phone")),
        ("crm:plain", "erp:group", ("review", "match_weight", None)),
        ("crm:merge1", "erp:merge2", ("linked", "manual", "manual_merge")),
        ("crm:direct1", "erp:direct2", ("rejected", "manual", "manual_split")),
        ("crm:chain1", "sap:chain3", ("rejected", "manual", "manual_split")),
        # Its link is good, but the cluster was cut there.
        ("erp:chain2", "sap:chain3", ("review", "exact", "account_phone")),
        ("crm:tied1", "erp:tied2", ("review", "exact", "account_phone")),
        ("crm:undo1", "erp:undo2", None),
        ("crm:same1", "chat:same", ("review", "match_weight", None)),
        ("crm:same2", "chat:same", ("review", "match_weight", None)),
        ("crm:away1", "chat:away2", None),
        ("crm:moved", "chat:moved", ("review", "match_weight", None)),
    ],
)
def test_every_link_says_what_came_of_it(
    settings: Settings, one: str, other: str, expected: tuple[object, ...] | None
) -> None:
    assert _status(settings, one, other) == expected


def test_what_a_person_should_judge_is_listed(settings: Settings) -> None:
    found = {
        (str(kind), str(evidence))
        for kind, evidence in _rows(
            settings,
            "select review_kind, evidence_en from marts.mart_identity_review "
            "where review_kind in ('shared_key', 'decision_without_effect')",
        )
    }
    assert found == {
        ("shared_key", "Same telephone 2155550000: 5 rows"),
        ("decision_without_effect", "identity_override 6"),
    }


def test_the_row_of_the_first_system_names_the_customer(settings: Settings) -> None:
    assert _rows(
        settings,
        "select account_id, customer_id, is_representative, link_rule, confidence_ratio "
        "from core.bridge_account_customer where customer_id = 'crm:tax' order by 1",
    ) == [
        ("crm:tax", "crm:tax", True, None, 1.0),
        ("erp:tax", "crm:tax", False, "account_tax_id", 0.99),
    ]


def test_nobody_is_the_own_parent(settings: Settings) -> None:
    assert _rows(
        settings,
        "select distinct parent_customer_id from core.dim_customer "
        "where customer_id in ('crm:own', 'crm:circle')",
    ) == [(None,)]


@pytest.mark.parametrize("subject", ["account", "contact"])
def test_match_weights_are_those_of_splink(settings: Settings, subject: str) -> None:
    """The same m, u, levels and records: Splink's own predict gives the weights of our SQL."""
    from splink import DuckDBAPI, Linker

    with (settings.seeds / "identity_match_weight.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["subject"] == subject]
    latest = {
        (row["comparison"], row["level"]): row
        for row in sorted(rows, key=lambda row: row["valid_from"])
    }
    prior = float(latest["prior", "prior"]["m_probability"])
    with duckdb.connect() as connection:
        connection.execute(f"attach '{settings.warehouse}' as warehouse (read_only)")
        load_records(connection, subject, "warehouse.intermediate")
        model = splink_settings(subject, levels_of(list(latest.values())), prior)
        # Every pair that our keys reach, and no other condition.
        model["blocking_rules_to_generate_predictions"] = ["1 = 1"]
        connection.execute(
            f"create table wanted as select left_id, right_id "
            f"from warehouse.intermediate.int_customer__{subject}_pairs where left_id <> right_id"
        )
        if subject == "contact":
            # All pairs of two thousand fillers would be two million; names keep their shares.
            model["blocking_rules_to_generate_predictions"] = [
                "l.family_key = r.family_key",
                "l.email = r.email",
            ]
        database = DuckDBAPI(connection)
        linker = Linker(database.register("records"), model, log_level=None)
        predicted = linker.inference.predict(warning_mode="never").physical_name
        theirs = {
            tuple(sorted((left, right))): weight
            for left, right, weight in connection.execute(
                f"select record_id_l, record_id_r, match_weight from {predicted} "
                "inner join wanted on left_id = least(record_id_l, record_id_r) "
                "and right_id = greatest(record_id_l, record_id_r)"
            ).fetchall()
        }
    # Splink says once more for each pair; ours only of pairs that came to something.
    ours = {
        (str(left), str(right)): float(str(weight))
        for left, right, weight in _rows(
            settings,
            "select left_id, right_id, match_weight "
            f"from intermediate.int_customer__{subject}_links where match_weight is not null",
        )
    }
    assert len(ours) >= 5
    for pair, weight in ours.items():
        assert theirs[pair] == pytest.approx(weight, abs=1e-4), pair


def test_comparisons_of_splink_are_those_of_the_models(settings: Settings) -> None:
    for subject, similarities in SIMILARITIES.items():
        columns = {
            str(name)
            for (name,) in _rows(
                settings,
                "select column_name from information_schema.columns "
                f"where table_name = 'int_customer__{subject}_pairs'",
            )
        }
        assert {f"{name}_similarity" for name in similarities} == {
            name for name in columns if name.endswith("_similarity")
        }


def test_too_few_pairs_teach_nothing(settings: Settings) -> None:
    report = train(settings.warehouse, settings.seeds, date(2026, 6, 30))
    assert any("nothing is learned" in line for line in report.lines), report.lines
    assert all(row["valid_from"] != "2026-06-30" for row in report.rows)


def test_training_without_a_warehouse_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Build it first"):
        train(tmp_path / "none.duckdb", settings.seeds, date(2026, 6, 30))


def test_only_what_is_new_is_compared_and_equals_a_full_build(settings: Settings) -> None:
    """A kept pair is marked: a build that compared it again would take the mark away."""
    mark = (
        "update intermediate.int_customer__account_pairs set place_similarity = 0.123 "
        "where left_id = 'crm:plain' and right_id = 'erp:group'"
    )
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(mark)
        connection.execute(
            "insert into intermediate.int_canonical__accounts (account_id, source_system, "
            "account_name, tax_id, country) "
            "values ('sap:new', 'sap', 'Alder Optics', 'DE811907980', 'Germany')"
        )
        connection.execute(
            "update intermediate.int_canonical__accounts set tax_id = 'GB99990000' "
            "where account_id = 'crm:merge1'"
        )
    _decide(
        settings,
        [
            ("7", "account", "split", "erp:merge2", "crm:merge1", "2026-03-01"),
            ("8", "account", "undo", "erp:direct2", "crm:direct1", "2026-03-01"),
        ],
    )
    _build(settings)
    assert _rows(
        settings,
        "select place_similarity from intermediate.int_customer__account_pairs "
        "where left_id = 'crm:plain' and right_id = 'erp:group'",
    ) == [(0.123,)]
    assert {"crm:tax", "erp:tax", "sap:new"} in _clusters(settings)
    # Merged customers split again, and each keeps its own id; what was split is one again.
    assert {"crm:merge1", "erp:merge2"} not in _clusters(settings)
    assert {"crm:direct1", "erp:direct2"} in _clusters(settings)
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(mark.replace("0.123", "1.0"))
    pairs = "select * from intermediate.int_customer__account_pairs order by left_id, right_id"
    bridge = "select * from core.bridge_account_customer order by account_id"
    kept = {query: _rows(settings, query) for query in (pairs, bridge)}
    _build(settings, "--full-refresh")
    for query, rows in kept.items():
        assert set(_rows(settings, query)) ^ set(rows) == set()
        assert _rows(settings, query) == rows
