"""The demo company is reproducible, has the promised size, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.demo_company.__main__ import main
from dagster_project.demo_company.sizes import END, SIZES
from tests.unit.demo_company.company import Company, digests


def test_same_seed_same_bytes(make_tiny: Callable[..., Company]) -> None:
    first, second = make_tiny("first"), make_tiny("second")
    assert digests(first.home) == digests(second.home)


def test_another_seed_is_another_company(make_tiny: Callable[..., Company]) -> None:
    first, second = digests(make_tiny("first").home), digests(make_tiny("second", seed=7).home)
    assert first.keys() == second.keys()
    same = {name for name in first if first[name] == second[name]}
    # The same content catalogue and the same configuration, whatever the seed.
    assert same == {"sources.toml", "demo/community/content.jsonl"}


def test_an_older_company_is_replaced(make_tiny: Callable[..., Company]) -> None:
    company = make_tiny()
    left_over = company.folder / "web" / "access.log-19990101.gz"
    left_over.write_bytes(b"old")
    make_tiny()
    assert not left_over.exists()


def test_small_has_the_promised_size(small: Company) -> None:
    size = SIZES["small"]
    assert small.rows("crm", "select count(*) from crm_account") == [(size.accounts,)]
    ((leads,),) = small.rows("crm", "select count(*) from crm_lead")
    assert size.leads <= leads <= size.leads * 1.02
    assert small.key["totals"]["web"]["lines"] == size.log_lines == 300_000


def test_large_has_more_than_a_hundred_million_lines() -> None:
    assert SIZES["large"].log_lines >= 100_000_000
    assert SIZES["large"].lines_per_chunk <= 250_000


def test_files_carry_the_time_of_the_company(small: Company) -> None:
    times = {path.stat().st_mtime for path in small.folder.rglob("*") if path.is_file()} - {END}
    # Only the state file is written after the sources.
    assert len(times) <= 1


def test_answer_key_is_not_among_the_sources(tmp_path: Path) -> None:
    key = tmp_path / "elsewhere" / "key.json"
    arguments = ["--size", "tiny", "--home", str(tmp_path / "home"), "--answer-key", str(key)]
    assert main(arguments) == 0
    assert json.loads(key.read_text(encoding="utf-8"))["size"] == "tiny"
    assert not list((tmp_path / "home").rglob("*answer*"))


def test_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--size", "tiny", "--home", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    for part in ("crm_lead", "t_sal_order", str(tmp_path / "sources.toml"), "Next:", "下一步"):
        assert part in text


def test_moving_what_is_not_there_names_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--second-load", "--home", str(tmp_path)]) == 1
    assert "Make one first" in capsys.readouterr().err
