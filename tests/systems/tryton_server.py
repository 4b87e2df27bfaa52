"""Installs Tryton from PyPI into an environment of its own, and keeps databases of it."""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from dagster_project.settings import process_environment

VERSION = "8.2"
DISTRIBUTIONS = (
    "trytond[postgresql]",
    "proteus",
    *(
        f"trytond-{name}"
        for name in (
            "account-invoice", "account-invoice-stock", "production", "production-routing",
            "production-work", "purchase", "purchase-history", "purchase-request", "sale",
            "sale-history", "sale-opportunity", "stock", "stock-lot", "stock-lot-sled",
            "stock-supply",
        )
    ),
)  # fmt: skip
# Their dependencies come with them: 24 modules in all.
MODULES = (
    "account_invoice_stock", "production_work", "purchase_history", "sale_history",
    "sale_opportunity", "stock_lot_sled", "stock_supply",
)  # fmt: skip
RECORDS = Path(__file__).with_name("tryton_records.py")
PASSWORD = "s3cret%2F%40word"
POSTGRES = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Tryton:
    """An installed Tryton and the database server that it works on.

    ``server`` is host and port. ``folder`` keeps the environment and dumps of databases.
    """

    folder: Path
    server: str

    @property
    def url(self) -> str:
        return f"postgresql://owner:{PASSWORD}@{self.server}"

    def python(self, *arguments: str) -> str:
        """Output of a script that Tryton's own Python ran."""
        return _output(
            [str(self.folder / "venv" / "bin" / "python"), *arguments],
            {"TRYTOND_DATABASE_URI": self.url, "TRYTONPASSFILE": str(self.folder / "password")},
        )

    def records(self, command: str, database: str) -> str:
        """Run a command of tryton_records.py on a database."""
        return self.python(str(RECORDS), command, str(self._configuration), database)

    def database(self, name: str, *steps: str) -> None:
        """Make a database in which the modules are activated and ``steps`` were run.

        It is kept as a dump under the hash of what made it, so that it is made once.
        """
        tools = max(POSTGRES.glob("*/bin"))
        dump = self.folder / f"{'-'.join(['modules', *steps])}-{self._fingerprint(steps)}.dump"
        self._psql("postgres", f'create database "{name}"')
        if dump.exists():
            restore = [str(tools / "pg_restore"), "--no-owner", "-d", f"{self.url}/{name}"]
            _output([*restore, str(dump)])
            return
        if steps:
            self._psql("postgres", f'drop database "{name}"')
            self.database(name, *steps[:-1])
            self.records(steps[-1], name)
        else:
            admin = str(self.folder / "venv" / "bin" / "trytond-admin")
            self.python(
                admin, "-c", str(self._configuration), "-d", name, "-u", *MODULES,
                "--activate-dependencies", "--email", "admin@example.org",
            )  # fmt: skip
        part = dump.with_suffix(".part")
        _output([str(tools / "pg_dump"), "-Fc", "-f", str(part), f"{self.url}/{name}"])
        part.rename(dump)

    @property
    def _configuration(self) -> Path:
        path = self.folder / "trytond.conf"
        path.write_text(f"[database]\nuri = {self.url}\n", encoding="utf-8")
        (self.folder / "password").write_text("admin-of-the-test\n", encoding="utf-8")
        return path

    def _fingerprint(self, steps: tuple[str, ...]) -> str:
        made_of = [VERSION, *DISTRIBUTIONS, *MODULES, *steps]
        if steps:
            made_of.append(RECORDS.read_text(encoding="utf-8"))
        return sha256("\n".join(made_of).encode()).hexdigest()[:12]

    def _psql(self, database: str, statement: str) -> None:
        psql = max(POSTGRES.glob("*/bin")) / "psql"
        _output([str(psql), "-q", "-c", statement, f"{self.url}/{database}"])


def install(folder: Path, server: str) -> Tryton:
    """Install Tryton into ``folder``, if it is not there; skips the test where that fails."""
    folder = folder / f"tryton-{VERSION}"
    done = folder / "venv" / ".installed"
    wanted = "\n".join(DISTRIBUTIONS)
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        venv.create(folder / "venv", with_pip=True)
        names = [f"{name}~={VERSION}.0" for name in DISTRIBUTIONS]
        try:
            _output(
                [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet",
                 "--disable-pip-version-check", *names]
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            last = (error.stderr or "").strip().splitlines()[-1:]
            pytest.skip(f"Tryton {VERSION} cannot be installed from PyPI: {''.join(last)}")
        done.write_text(wanted, encoding="utf-8")
    return Tryton(folder, server.split("/")[0])


def _output(command: list[str], environment: dict[str, str] | None = None) -> str:
    try:
        return subprocess.run(
            command,
            env={**process_environment(), **(environment or {})},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except subprocess.CalledProcessError as error:
        print(error.stderr)
        raise
