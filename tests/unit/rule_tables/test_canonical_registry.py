"""dbt cannot read a seed while it parses, so macros repeat the registry: they must not drift."""

from __future__ import annotations

import ast
import re

from dagster_project.mapping.registry import load_registry
from dagster_project.settings import REPO_ROOT

MACROS = (REPO_ROOT / "dbt" / "macros" / "canonical_registry.sql").read_text(encoding="utf-8")
REGISTRY = load_registry(REPO_ROOT / "seeds")


def _returned(macro: str) -> object:
    match = re.search(rf"macro {macro}\(\) -%}}\s*{{{{ return\((\[.*?\])\) }}}}", MACROS, re.DOTALL)
    assert match, f"macro {macro} does not return a list"
    return ast.literal_eval(match[1])


def test_macro_lists_every_object() -> None:
    assert _returned("canonical_objects") == list(REGISTRY.objects)


def test_macro_lists_every_reference() -> None:
    assert _returned("canonical_references") == [
        {"object": entry.object, "field": field.field, "references": field.references}
        for entry in REGISTRY.objects.values()
        for field in entry.fields
        if field.role == "reference"
    ]


def test_core_models_exist_for_the_objects_that_name_them() -> None:
    match = re.search(r"set core = (\{.*?\}) -%", MACROS, re.DOTALL)
    assert match
    core = ast.literal_eval(match[1])
    models = {path.stem for path in (REPO_ROOT / "dbt" / "models" / "core").glob("*.sql")}
    assert set(core) <= set(REGISTRY.objects)
    assert set(core.values()) <= models
