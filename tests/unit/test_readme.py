"""The README's commands exist."""

from __future__ import annotations

import re
import subprocess

import pytest

from dagster_project.__main__ import main
from dagster_project.settings import REPO_ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md")


def make_targets() -> set[str]:
    makefile = (REPO_ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_make_target_exists(document: str) -> None:
    text = (REPO_ROOT / document).read_text(encoding="utf-8")
    named = {
        target
        for line in re.findall(r"^ *make (.+)$|`make ([^`]+)`", text, re.M)
        for word in "".join(line).split("#")[0].split()
        if (target := word) and "=" not in target and re.fullmatch(r"[a-z-]+", target)
    }
    assert named, f"{document} names no make target"
    assert named <= make_targets()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_linked_file_exists(document: str) -> None:
    text = (REPO_ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing = [link for link in links if not (REPO_ROOT / link).exists()]
    assert not missing


def test_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "help"], cwd=REPO_ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = {line.split()[0] for line in shown.splitlines() if line.strip()}
    assert make_targets() - listed <= {"help"} | listed
    assert {"demo", "test", "run", "dev", "dashboard", "plan", "rollback", "doctor"} <= listed


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["no-such-command"])
    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
