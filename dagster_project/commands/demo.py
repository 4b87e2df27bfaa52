"""From nothing to a page: demo company, pipeline, published version, dashboard."""

from __future__ import annotations

import shlex

from dagster_project.commands.run import run
from dagster_project.commands.serve import serve_dashboard
from dagster_project.demo_company.__main__ import main as write_demo_company
from dagster_project.settings import Settings


def demo(settings: Settings, *, size: str, serve: bool) -> int:
    """Write the demo company where it is not there yet, run the pipeline, serve the page."""
    settings = settings.model_copy(update={"sources": None})
    if settings.sources_file.exists():
        print(
            f"Using the sources in {settings.sources_file}; to start anew: "
            f"rm -r {shlex.quote(str(settings.home))}"
        )
    else:
        code = write_demo_company(["--size", size, "--home", str(settings.home)])
        if code:
            return code
    # Its sources are files on this machine: there is nothing to wait for side by side.
    code = run(settings, in_process=True)
    if code or not serve:
        return code
    return serve_dashboard(settings)
