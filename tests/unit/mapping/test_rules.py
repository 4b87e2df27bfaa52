"""Unusable rule rows: each message names file, line, field and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.mapping import MappingError, compile_mapping
from dagster_project.mapping.__main__ import main
from dagster_project.mapping.registry import load_registry, plural
from dagster_project.settings import REPO_ROOT, Settings
from tests.unit.mapping.conftest import CODES, FIELDS, write_rules

ROWS = len(FIELDS.strip().splitlines()) + 2  # header, then the line that a test adds


def error_for(settings: Settings, row: str, codes: str = "") -> str:
    write_rules(settings.home.parent, FIELDS + row + "\n", CODES + codes)
    with pytest.raises(MappingError) as caught:
        compile_mapping(settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        (
            "small_crm,accounts,acount,,account_id,id,,",
            "object",
            "unknown object 'acount'. Did you mean 'account'",
        ),
        (
            "small_crm,accounts,account,,industy,sector,,",
            "field",
            "object 'account' has no field 'industy'. Did you mean 'industry'",
        ),
        (
            "small_crm,accounts,account,,city,town,txt,",
            "transform",
            "unknown transform 'txt'. Did you mean 'text'",
        ),
        (
            "small_crm,acounts,account,,city,town,,",
            "source_table",
            "no table 'acounts' in the sources of mapping set 'small_crm'. Did you mean 'accounts'",
        ),
        (
            "small_crm,accounts,account,,account_name,other,,",
            "field",
            "account.account_name (record 'main') is already filled by line 3.",
        ),
        (
            "small_crm,accounts,team,,team_name,team,,",
            "field",
            "has no row for its key. Add one for 'team_id'",
        ),
        (
            "small_crm,accounts,account,,city,deal[id].town,,",
            "source_field",
            "no table 'deal' in the sources of mapping set 'small_crm'. Did you mean 'deals'",
        ),
        (
            "small_crm,accounts,account,,city,town + place,,",
            "source_field",
            "'text' takes exactly 1, but got 2",
        ),
        (
            "small_crm,accounts,account,,city,town,number,",
            "transform",
            "'number' makes number, but account.city is text",
        ),
        (
            "small_crm,accounts,account,,city,town,code,",
            "transform",
            "'code' is for a code field, but account.city is text",
        ),
        (
            "small_crm,accounts,account,,tier,,constant:golden,",
            "transform",
            "code list 'account_tier' has no code 'golden'",
        ),
        (
            "small_crm,accounts,account,,_where,sector,lower,",
            "transform",
            "'lower' is not a condition, but _where needs one. Use one of: equals",
        ),
        (
            "small_crm,accounts,account,Second One,account_id,id,,",
            "record",
            "'Second One' is not a lowercase name",
        ),
    ],
)
def test_unusable_row_is_named(unlanded: Settings, row: str, column: str, message: str) -> None:
    text = error_for(unlanded, row)
    assert text.startswith(f"seeds/field_mapping.csv:{ROWS} {column}: ")
    assert message in text


def test_lookup_in_a_table_without_a_key_of_one_column_is_named(unlanded: Settings) -> None:
    message = error_for(unlanded, "small_crm,deals,opportunity,,channel,people[account].kind,,")
    assert "'people[account].kind'" in message
    assert "`primary_key` of one column for table 'people' of system 'crm'" in message


def test_row_with_too_many_cells_is_named(unlanded: Settings) -> None:
    text = error_for(unlanded, "small_crm,accounts,account,,city,town,,a note, with a comma")
    assert f"seeds/field_mapping.csv:{ROWS} has more cells than the 8 columns. Quote" in text


def test_all_problems_are_listed_together(unlanded: Settings) -> None:
    text = error_for(
        unlanded,
        "small_crm,accounts,account,,town,a,,\nsmall_crm,accounts,acount,,city,b,,",
        "small_crm,industry,Steel,steel,\n",
    )
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "small_crm,industry,Shops,retial,",
            "canonical_code: code list 'industry' has no code 'retial'. Did you mean 'retail'",
        ),
        (
            "small_crm,industry,TECH,technology,",
            "source_code: 'TECH' is already mapped by line 2. Keep one row",
        ),
        ("small_crm,industry,,technology,", "source_code: is empty."),
    ],
)
def test_unusable_code_is_named(unlanded: Settings, row: str, message: str) -> None:
    assert f"seeds/code_mapping.csv:5 {message}" in error_for(unlanded, "", row + "\n")


def test_unknown_funnel_stage_is_named(unlanded: Settings) -> None:
    file = unlanded.seeds / "stage_mapping.csv"
    file.write_text(file.read_text(encoding="utf-8") + "small_crm,Lost,lots,,\n", encoding="utf-8")
    with pytest.raises(MappingError, match=r"csv:4 funnel_stage: .*Did you mean 'lost'"):
        compile_mapping(unlanded)


def test_mapping_set_without_rows_is_named(unlanded: Settings) -> None:
    sources = unlanded.sources_file
    text = sources.read_text(encoding="utf-8").replace('"small_crm"', '"smal_crm"')
    sources.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match=r"no row of mapping set 'smal_crm'.*'small_crm'"):
        compile_mapping(unlanded)


def test_a_source_that_nothing_is_to_read_needs_no_rows(unlanded: Settings) -> None:
    sources = unlanded.sources_file
    text = sources.read_text(encoding="utf-8").replace('"small_crm"', '"weather_of_ours"')
    sources.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match='mapping_set = "none"'):
        compile_mapping(unlanded)
    sources.write_text(text.replace('"weather_of_ours"', '"none"'), encoding="utf-8")
    report = compile_mapping(unlanded)
    assert not any(name.startswith("stg_small_crm") for name in report.models)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "seeds/code_mapping.csv: the file is missing. Create it with the columns"),
        ("a,b\n1,2\n", "seeds/code_mapping.csv:1 columns are a,b. They must be mapping_set,"),
        (b"mapping_set,\xff", "seeds/code_mapping.csv: not UTF-8 at byte 12. Save it as UTF-8."),
        (
            'mapping_set,code_list,source_code,canonical_code,note\n"a"b,c,d,e,f\n',
            "seeds/code_mapping.csv:2 is not valid CSV",
        ),
    ],
)
def test_unreadable_file_is_named(
    unlanded: Settings, content: str | bytes | None, message: str
) -> None:
    file = unlanded.seeds / "code_mapping.csv"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(MappingError) as caught:
        compile_mapping(unlanded)
    assert message in str(caught.value)


def test_command_says_what_it_did_and_what_is_next(
    unlanded: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMH_HOME", str(unlanded.home))
    monkeypatch.setenv("SMH_SEEDS", str(unlanded.seeds))
    assert main() == 0
    assert "nothing landed yet in crm.accounts" in capsys.readouterr().out
    write_rules(unlanded.home.parent, FIELDS + "small_crm,accounts,x,,y,z,,\n")
    assert main() == 1
    assert "seeds/field_mapping.csv" in capsys.readouterr().err


def test_registry_of_the_project_is_valid() -> None:
    registry = load_registry(REPO_ROOT / "seeds")
    assert registry.objects["opportunity"].model == "int_canonical__opportunities"
    assert "account" in registry.referenced
    assert "opportunity_stage_event" not in registry.referenced


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("account,region,text,,,", "acount,region,text,,,", "Did you mean 'account'"),
        ("account,region,text,,,", "account,region,test,,,", "type: Input should be"),
        ("account,region,text,,,", "account,industry,text,,,", "'industry' appears twice"),
        (
            "contact,account_id,text,reference,account,",
            "contact,account_id,text,reference,,",
            "a reference, and only a reference, names an object",
        ),
        ("team,team_id,text,key,,", "team,team_id,text,,,", "0 key fields; it needs exactly one"),
    ],
)
def test_unusable_registry_is_named(unlanded: Settings, old: str, new: str, message: str) -> None:
    file = unlanded.seeds / "canonical_fields.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        load_registry(unlanded.seeds)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("account", "accounts"),
        ("opportunity", "opportunities"),
        ("inventory_batch", "inventory_batches"),
        ("survey", "surveys"),
    ],
)
def test_plural(noun: str, expected: str) -> None:
    assert plural(noun) == expected


def test_same_input_gives_the_same_files_and_leaves_them_alone(unlanded: Settings) -> None:
    first = compile_mapping(unlanded)
    assert first.written
    stamps = {path: path.stat().st_mtime_ns for path in _files(unlanded.generated_models)}
    second = compile_mapping(unlanded)
    assert second.written == [] and second.removed == []
    assert stamps == {path: path.stat().st_mtime_ns for path in _files(unlanded.generated_models)}


def test_models_that_no_rule_asks_for_are_removed(unlanded: Settings) -> None:
    compile_mapping(unlanded)
    stale = unlanded.generated_models / "staging" / "crm" / "stg_crm__contacts.sql"
    assert stale.exists()
    kept = "\n".join(line for line in FIELDS.splitlines() if ",people," not in line)
    write_rules(unlanded.home.parent, kept + "\n")
    assert stale in compile_mapping(unlanded).removed
    assert not stale.exists()


def test_set_of_models_does_not_depend_on_what_has_landed(unlanded: Settings) -> None:
    from tests.unit.mapping.conftest import land_all

    before = compile_mapping(unlanded)
    land_all(unlanded)
    after = compile_mapping(unlanded)
    assert before.models == after.models
    assert after.written


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
