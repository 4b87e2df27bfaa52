"""Checks of a database: does it let us in, and can every table be read."""

from __future__ import annotations

from typing import Any

from dagster_project.connectors.check import Finding, from_problem, limited, ok
from dagster_project.connectors.problems import SourceError, Words


def check(source: Any) -> list[Finding]:
    """One finding for the connection and one per table. Rows are counted, none is read.

    Raises:
        SourceError: the database cannot be reached or does not let us in.
    """
    from dagster_project.connectors.sql_database.reader import open_source

    with open_source(source) as reader:
        findings = [ok("The database lets us in.", "数据库连接成功。")]
        for table in source.tables:
            try:
                count = reader.count_rows(table)
            except SourceError as problem:
                findings.append(from_problem(problem))
                continue
            if count:
                findings.append(
                    ok(
                        f"{table.name} can be read; rows: {count}.",
                        f"{table.name} 可读取；行数：{count}。",
                    )
                )
                continue
            # Row-level security answers with no rows, not with an error.
            findings.append(
                limited(
                    Words(
                        f"{table.name}: no rows can be seen.", f"{table.name}：看不到任何数据行。"
                    ),
                    Words(
                        "If the table is not empty, the user lacks the right to see its rows: "
                        "grant it, or set the company that its row-level security asks for.",
                        "若该表不为空，则该用户无权查看其中的行：请授权，或设置行级安全所需的公司。",
                    ),
                )
            )
        return findings
