"""Network addresses, ranges and domains in SQL, against Python's own idea of them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from dagster_project.settings import REPO_ROOT

MACROS = REPO_ROOT / "dbt" / "macros"
NO_ADDRESSES = (
    "",
    "-",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4.5",
    "gw1.acme.com",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "1::2::3",
    ":::",
    "12345::",
    "::ffff:1.2.3.999",
    "g::1",
)
DOMAINS = {
    "https://www.Acme.com/about?x=1": "acme.com",
    "li.na@mail.acme.com.cn": "mail.acme.com.cn",
    "host-1.eu.acme.com": "host-1.eu.acme.com",
    "acme.com:8080": "acme.com",
    "www.acme.com": "acme.com",
    "acme.com.": "acme.com",
    "1.2.3.4.static.acme.com": "1.2.3.4.static.acme.com",
    "3.com": "3.com",
    "user3": None,
    "10.0.0.1": None,
    "2001:db8::1": None,
    "name@localhost": None,
    "-": None,
    "": None,
}


@pytest.fixture(scope="module")
def render() -> Callable[[str], str]:
    """A template that uses the macros, as DuckDB gets it."""
    source = "".join(
        (MACROS / name).read_text(encoding="utf-8") for name in ("portable.sql", "addresses.sql")
    )

    class Adapter:
        def dispatch(self, name: str, package: str) -> Any:
            return getattr(module, f"default__{name}")

    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals.update(adapter=Adapter(), **{"return": lambda value: value})
    module: Any = environment.from_string(source).module

    def rendered(template: str) -> str:
        return environment.from_string(source + template).render()

    return rendered


def _digits(render: Callable[[str], str], addresses: list[str]) -> dict[str, str | None]:
    with duckdb.connect() as connection:
        connection.execute("create table seen (address varchar)")
        connection.executemany("insert into seen values (?)", [[text] for text in addresses])
        return dict(connection.execute(render("{{ address_digits_of('seen') }}")).fetchall())


def _expected(address: IPv4Address | IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    known = mapped or address
    return format(int(known), "08x" if known.version == 4 else "032x")


sparse = st.lists(st.sampled_from([0, 1, 0xA0, 0xFFFF]), min_size=8, max_size=8).map(
    lambda groups: IPv6Address(":".join(f"{group:x}" for group in groups))
)
addresses = st.one_of(st.ip_addresses(), sparse)


@settings(max_examples=20, deadline=None)
@given(st.lists(addresses, min_size=30, max_size=60))
@example([ip_address(text) for text in ("::", "::1", "1::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8")])
@example([ip_address("::ffff:192.0.2.1"), ip_address("64:ff9b::c000:221")])
def test_addresses_are_read_however_they_are_written(
    render: Callable[[str], str], found: list[IPv4Address | IPv6Address]
) -> None:
    written = {
        text: _expected(address)
        for address in found
        for text in (str(address), address.exploded, f" {str(address).upper()} ")
    }
    written |= {
        f"::ffff:{address}": _expected(address)
        for address in found
        if isinstance(address, IPv4Address)
    }
    assert _digits(render, list(written)) == written


def test_what_is_no_address_has_no_digits(render: Callable[[str], str]) -> None:
    assert set(_digits(render, list(NO_ADDRESSES)).values()) == {None}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(addresses, st.integers(0, 128)), min_size=30, max_size=60))
def test_addresses_of_a_network_and_no_others_have_its_key(
    render: Callable[[str], str], drawn: list[tuple[IPv4Address | IPv6Address, int]]
) -> None:
    """The key of an address at a length is that of the first address of its network."""
    cases = []
    for address, length in drawn:
        bits = min(length, address.max_prefixlen)
        network = ip_network(f"{address}/{bits}", strict=False)
        width = address.max_prefixlen // 4
        cases.append(
            (format(int(address), f"0{width}x"), format(int(network[0]), f"0{width}x"), bits)
        )
    with duckdb.connect() as connection:
        connection.execute("create table cases (digits varchar, first varchar, bits int)")
        connection.executemany("insert into cases values (?, ?, ?)", cases)
        keys = connection.execute(
            render(
                "select first, bits, {{ network_key('digits', 'whole', 'step') }} from ("
                "select *, {{ prefix_digits('bits') }} as whole, {{ prefix_step('bits') }} as step "
                "from cases) as lengths"
            )
        ).fetchall()
    assert len(keys) == len(cases)
    for first, bits, key in keys:
        assert key == first[: -(-bits // 4)], (first, bits, key)


def test_domains_of_urls_mails_and_hosts(render: Callable[[str], str]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table texts (value varchar)")
        connection.executemany("insert into texts values (?)", [[text] for text in DOMAINS])
        found = connection.execute(
            render("select value, {{ domain_of('value') }} from texts")
        ).fetchall()
    assert dict(found) == DOMAINS
