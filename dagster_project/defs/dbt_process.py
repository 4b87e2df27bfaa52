"""The `dbt` command as the pipeline starts it: the same, in some CPU seconds less.

What dbt imports and parses stays until the end, so Python need not look through it for garbage
again and again. The manifest, which `prepare` has written, is not written twice more. Macros and
models are compiled to Python once and not by each run. For secrets, to keep them out of the log,
the environment is looked through once and not for each line.
"""

from __future__ import annotations

import atexit
import functools
import gc
import sys
from importlib import metadata
from pathlib import Path

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
    keep_compiled_templates()
    cli(prog_name="dbt")


def write_no_manifest(*arguments: object, **more: object) -> None:
    """In place of dbt's own function, which `--no-write-json` would turn off with the results."""


def keep_compiled_templates() -> None:
    """Keep the code that Jinja compiles templates to, as Jinja itself does for those in files.

    It lies in the folder `jinja` of dbt's target folder, where one is given: a file per text.
    """
    import jinja2
    from dbt.flags import get_flags

    compile_template = jinja2.Environment.compile

    @functools.cache
    def cache_in(target: str) -> jinja2.BytecodeCache:
        releases = "-".join(metadata.version(name) for name in ("jinja2", "dbt-common"))
        folder = Path(target) / "jinja" / releases
        folder.mkdir(parents=True, exist_ok=True)
        return jinja2.FileSystemBytecodeCache(str(folder))

    def compile_once(
        environment: jinja2.Environment, source: object, *arguments: object, **more: object
    ) -> object:
        target = getattr(get_flags(), "TARGET_PATH", None)
        if not target or arguments or more or not isinstance(source, str):
            return compile_template(environment, source, *arguments, **more)  # type: ignore[call-overload]
        kind = type(environment).__qualname__
        bucket = cache_in(target).get_bucket(environment, f"{kind} {source}", None, source)
        if bucket.code is None:
            bucket.code = compile_template(environment, source)
            cache_in(target).set_bucket(bucket)
        return bucket.code

    jinja2.Environment.compile = compile_once  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    main()
