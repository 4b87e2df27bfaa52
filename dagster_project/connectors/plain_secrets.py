"""Refuses secrets that stand in a sources file: they belong into the environment or a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|pwd|token|(api|account|private)[-_]?key|credential|"
    r"connection[-_]?string|authorization|^sig(nature)?$",
    re.IGNORECASE,
)
# What follows the colon is no port.
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:(?!\d+([/?#]|$))\S*@")


def refuse_plain_secrets(place: str, values: Any, remedy: str = "") -> None:
    """Refuse texts and numbers under keys that are named as secrets are, at any depth.

    Args:
        place: key of the sources file that holds ``values``.
        remedy: where else to write them; by default ``<place>_env`` and ``<place>_file``.

    Raises:
        ValueError: naming the key and the remedy, not the value.
    """
    items = values.items() if isinstance(values, Mapping) else enumerate(values)
    for key, value in items:
        if isinstance(value, Mapping | list | tuple):
            refuse_plain_secrets(f"{place}.{key}", value, remedy or _by_reference(place, key))
        elif _SECRET_NAME.search(str(key)) and not isinstance(value, bool) and value != "":
            raise ValueError(
                f'`{place}` holds "{key}", which is a secret; {remedy or _by_reference(place, key)}'
            )


def refuse_secret_in_url(place: str, url: str, remedy: str) -> None:
    """Refuse a password, or a secret parameter, in an address.

    Raises:
        ValueError: naming the key and the remedy, not the value.
    """
    if _URL_PASSWORD.search(url):
        raise ValueError(f"`{place}` holds a password; {remedy}")
    for name, _ in parse_qsl(url.partition("?")[2]):
        if _SECRET_NAME.search(name):
            raise ValueError(f'`{place}` holds "{name}", which is a secret; {remedy}')


def _by_reference(place: str, key: Any) -> str:
    name = place.rpartition(".")[2]
    return (
        f"name an environment variable in `{name}_env`, or a file in `{name}_file`: "
        f'{name}_env = {{ "{key}" = "…" }}'
    )
