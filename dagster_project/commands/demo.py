"""From nothing to a page: demo company, pipeline, published version, dashboard."""

from __future__ import annotations

from dagster_project.commands.run import run
from dagster_project.commands.serve import serve_dashboard
from dagster_project.demo_company import write_demo_company
from dagster_project.settings import Settings


def demo(settings: Settings, *, size: str, serve: bool) -> int:
    """Write the demo company where it is not there yet, run the pipeline, serve the page."""
    if settings.sources_file.exists():
        print(f"Using the sources in {settings.sources_file} (delete it to start anew).")
    else:
        write_demo_company(settings.home, size=size)
    code = run(settings)
    if code or not serve:
        return code
    return serve_dashboard(settings)
