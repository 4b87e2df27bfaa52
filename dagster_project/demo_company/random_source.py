"""Independent, reproducible random numbers for each part of the company."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from .sizes import DAY

Item = TypeVar("Item")


def scalar_random(seed: int, part: str) -> random.Random:
    """One stream per part, so that a change in one part leaves the others as they are."""
    return random.Random(f"{seed}:{part}")


def array_random(seed: int, part: str, number: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(part.encode()), number])


def pick(rng: random.Random, items: Sequence[Item], weights: Sequence[float]) -> Item:
    return rng.choices(items, weights)[0]


def working_time(rng: random.Random, second: int) -> int:
    """A time between 09:00 and 18:00 Shanghai on the same UTC day, a Monday to Friday."""
    day = second // DAY
    weekday = (day + 3) % 7  # the epoch was a Thursday
    if weekday >= 5:
        day -= weekday - 4
    return day * DAY + rng.randint(3_600, 10 * 3_600 - 1)
