"""Suites of others, where they are at hand: the scores that their modules print do not fall."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import homonyms, matching


def present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"the suite {path.name} is not here")
    return path


def test_gbif_matching_cases_stay_answered() -> None:
    right, wrong, _, _ = matching.score(present(matching.DATA / "cases.jsonl"), matching.DATA / "nub_usages.tsv")
    assert right >= 124, [case["name"] for case in wrong]


def test_no_kingdom_is_chosen_silently_among_listed_homonyms() -> None:
    counts = homonyms.score(present(homonyms.DATA))
    assert min(torn for torn, _, _, _ in counts.values()) > 300
    assert [(chosen, astray) for _, chosen, _, astray in counts.values()] == [(0, 0), (0, 0)]
