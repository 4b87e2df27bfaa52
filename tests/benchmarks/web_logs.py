"""`make bench-web`: what web logs cost, from the raw line to the page.

Usage::

    python -m tests.benchmarks.web_logs                               # all sections
    python -m tests.benchmarks.web_logs --section reading --millions 1 10

Each section is a module beside this one with a ``main`` of its own, which also runs alone:

- ``reading``: raw log to Parquet in the lake, beside GoAccess on the same file;
- ``models``: sessions, signals and scores, beside one scan-and-sort of the same Parquet;
- ``increments``: five minutes of new lines after histories of different length.

Sections print ratios of figures of one run. Options that are not named here go to the sections.
"""

from __future__ import annotations

import argparse
import importlib
import sys

SECTIONS = {
    "reading": "tests.benchmarks.web_log_reading",
    "models": "tests.benchmarks.web_models",
    "increments": "tests.benchmarks.web_increment",
}


def main() -> int:
    """Run the sections one after the other; the first code other than 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--section", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--millions", nargs="+", help="sizes in millions of lines")
    options, more = parser.parse_known_args()
    if options.millions:
        more += ["--millions", *options.millions]
    code = 0
    for name in options.section:
        print(f"\n## {name}\n", flush=True)
        code = importlib.import_module(SECTIONS[name]).main(more) or code
    return code


if __name__ == "__main__":
    sys.exit(main())
