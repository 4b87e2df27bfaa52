"""The feed of public policies: JSON lines per half-year."""

from __future__ import annotations

from pathlib import Path

from .clock import zulu_text
from .conversation import write_lines
from .random_source import scalar_random
from .records import World
from .sizes import DAY, END, START
from .vocabulary import TEAMS

INDUSTRY_WORD = {
    "medical_devices": "医疗器械",
    "manufacturing": "制造业",
    "retail": "零售业",
    "saas": "软件业",
}
TITLES = (
    "{industry}采购目录调整通知",
    "{industry}数据出境安全评估办法",
    "New tender rules for {industry}",
    "{industry}设备更新补贴实施细则",
)


def write_policy(world: World, folder: Path) -> dict[str, int]:
    """About two policies a month; two of an industry word that no rule row maps."""
    rng = scalar_random(world.seed, "policy")
    rows = []
    upcoming = []
    for number in range(1, 41):
        industry = rng.choice(list(INDUSTRY_WORD.values()))
        if number in (11, 29):
            industry = "低空经济"
        published = START + number * 13 * DAY + rng.randint(0, 5) * DAY + 9 * 3_600
        effective = published + rng.randint(10, 90) * DAY
        if effective > END:
            upcoming.append(f"PY{number:04d}")
        rows.append(
            {
                "doc_no": f"PY{number:04d}",
                "title": rng.choice(TITLES).format(industry=industry),
                "area": rng.choice(TEAMS)[2],
                "trade": industry,
                "effective": zulu_text(effective),
                "published": zulu_text(published),
            }
        )
    world.faults["unknown_code_policy_industry"] = {"code": "低空经济", "count": 2}
    world.truths["upcoming_policies"] = {
        "policies": upcoming,
        "count": len(upcoming),
        "meaning": "Policies published by the as-of day that take effect after it.",
    }
    half = len(rows) // 2
    write_lines(folder / "policy" / "policy-1.jsonl", rows[:half])
    write_lines(folder / "policy" / "policy-2.jsonl", rows[half:])
    return {"policies": len(rows)}
