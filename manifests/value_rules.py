"""What one value of a recipe must be: a rule in words, and as a test."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """What one value (or each item of a list) must be."""

    expected: str
    """The rule in words, as an error and the reference print it."""
    holds: Callable[[Any], bool]
    choices: tuple[str, ...] = ()
    """The allowed words, where there is a closed list of them."""


def one_of(choices: tuple[str, ...]) -> Rule:
    """Return the rule that a value is one of some words."""
    return Rule("one of " + ", ".join(choices), choices.__contains__, choices)


def between(low: float, high: float, unit: str = "") -> Rule:
    """Return the rule that a number lies between two, both included."""
    # NaN fails both comparisons, and an infinity fails one.
    return Rule(f"a number from {low:,} to {high:,}{unit and ' ' + unit}", lambda value: bool(low <= value <= high))


def above_zero(high: float, unit: str) -> Rule:
    """Return the rule that a number is above 0 and at most `high`."""
    return Rule(
        f"a number above 0, at most {high:,} {unit}".rstrip(),
        lambda value: math.isfinite(value) and bool(0 < value <= high),
    )


def matching(pattern: str, expected: str) -> Rule:
    """Return the rule that a text matches a pattern as a whole; ports in it must exist."""
    compiled = re.compile(pattern)
    return Rule(expected, lambda value: compiled.fullmatch(value) is not None and _ports_exist(value))


def _ports_exist(host: str) -> bool:
    return all(0 < int(port) < 65536 for port in re.findall(r":(\d+)(?==|$)", host) if "::" not in host.split("]")[-1])
