"""Says what BottleCRM shows to the token, and what its lists never show."""

from __future__ import annotations

from dagster_project.connectors.bottlecrm.settings import BottleCrmSource
from dagster_project.connectors.check import Finding, limited
from dagster_project.connectors.problems import Words
from dagster_project.connectors.rest_api import reader


def check(source: BottleCrmSource) -> list[Finding]:
    """Findings about the lists, and that converted leads are in none of them."""
    findings = reader.check(source)
    if any(table.name == "leads" for table in source.tables):
        findings.append(
            limited(
                Words(
                    "leads: BottleCRM lists no lead that was converted. A lead leaves the list "
                    "when it is converted, and is then marked as deleted here.",
                    "leads：BottleCRM 的列表不包含已转化的线索；线索转化后即从列表消失，"
                    "在此被标记为已删除。",
                ),
                Words(
                    "Do not take a conversion rate from these leads: count opportunities, or read "
                    "BottleCRM's database (kind `sql`), which keeps converted leads.",
                    "请勿用这些线索计算转化率：请统计商机，"
                    "或以 sql 类型读取 BottleCRM 的数据库，其中保留已转化的线索。",
                ),
            )
        )
    return findings
