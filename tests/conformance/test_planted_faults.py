"""Faults of every kind, drawn by a seed, are found and named by `verify`; the whole of them is a program of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import pytest

from tests.conformance.planted_faults import planted
from tests.conformance.planting.catalog import card_faults, catalog_faults
from tests.conformance.planting.files import file_faults, text_faults
from tests.conformance.planting.forgery import Fault
from tests.conformance.planting.tables import attribution_faults, manifest_faults, stage_faults
from tests.conformance.planting.tars import header_faults, json_faults, member_faults
from tests.conftest import Demo

FAMILIES: dict[str, tuple[str, tuple[Callable[[Path], Iterable[Fault]], ...], str]] = {
    "every column of the manifest": ("all marks", (manifest_faults,), "manifest"),
    "every key of the JSON": ("all marks", (json_faults,), "key of the JSON"),
    "every field of the headers": ("all marks", (header_faults, text_faults), ""),
    "members, and files that nothing lists": ("checksums", (member_faults, file_faults), ""),
    "views, macros and cards": ("checksums", (catalog_faults, card_faults, attribution_faults), ""),
    "every table of the stages": ("nothing", (stage_faults,), "table of a stage"),
}
"""What is planted together: how much is forged along, which faults, and how their kinds begin."""
CLASHING = (
    "file of shards/",
    "view, taken out",
    "card, missing",
    "card, empty",
    "card, a line less",
    "card, a word",
    "croissant.json, key",
)
"""Planted by the program alone: they hide others of their family."""


@pytest.mark.parametrize("family", FAMILIES)
def test_faults_are_found_and_named(demo: Demo, tmp_path: Path, family: str) -> None:
    forgery, groups, begin = FAMILIES[family]
    faults = [
        fault
        for fault in chain.from_iterable(group(demo.out) for group in groups)
        if fault.kind.startswith(begin) and not fault.kind.startswith(CLASHING)
        if not fault.alone and forgery in fault.forgeries
    ]
    assert len(faults) > 10
    missed = [(fault.kind, fault.name, found[:300]) for fault, found in planted(demo.out, faults, forgery, 7, tmp_path)]
    assert missed == []
