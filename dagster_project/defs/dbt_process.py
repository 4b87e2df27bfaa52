"""The `dbt` command as the pipeline starts it: the same for two CPU seconds less per start.

What dbt imports and parses stays until the end, so Python need not look through it for garbage
again and again; the manifest, which `prepare` has written, is not written twice more; and for
secrets, to keep them out of the log, the environment is looked through once and not for each line.
"""

from __future__ import annotations

import atexit
import functools
import gc
import sys

COMMAND = [sys.executable, "-P", __file__]
"""Its command line, to be followed by dbt's arguments; -P: this folder holds no libraries."""


def main() -> None:
    """Run dbt with the arguments of this process, and exit as it does."""
    gc.disable()
    import dbt.parser.manifest
    import dbt.task.runnable
    import dbt_common.events.functions
    from dbt.cli.main import cli

    gc.freeze()
    gc.enable()
    # By default 700 new objects start a search; a parsed project is a million.
    gc.set_threshold(50_000)
    # The interpreter's end searches once more.
    atexit.register(gc.freeze)
    for module in (dbt.parser.manifest, dbt.task.runnable):
        module.write_manifest = write_no_manifest  # type: ignore[attr-defined]
    log = dbt_common.events.functions
    log.env_secrets = functools.cache(log.env_secrets)
    cli(prog_name="dbt")


def write_no_manifest(*arguments: object, **more: object) -> None:
    """In place of dbt's own function, which `--no-write-json` would turn off with the results."""


if __name__ == "__main__":
    main()
