"""The licence of camera trap data is known by its name, and never taken for a Creative Commons one."""

from __future__ import annotations

import pytest

from manifests.checks import LICENCE_FAMILIES
from pipeline.model.licences import normalise_licence


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("CDLA-Permissive-1.0", "CDLA-Permissive-1.0"),
        ("cdla permissive 2.0", "CDLA-Permissive-2.0"),
        ("https://cdla.dev/permissive-1-0/", "CDLA-Permissive-1.0"),
        ("CDLA-Permissive", ""),
    ],
)
def test_permissive_data_licences_are_understood(stated: str, expected: str) -> None:
    licence = normalise_licence(stated)
    assert (licence.id, licence.family, licence.known) == (expected, "CDLA-Permissive", True)
    assert licence.family in LICENCE_FAMILIES
    again = normalise_licence(licence.reference)
    assert again.family == licence.family and normalise_licence(stated.upper()) == licence


@pytest.mark.parametrize("stated", ["CDLA-Sharing-1.0", "CDLA", "not CDLA-Permissive-1.0"])
def test_other_words_are_not(stated: str) -> None:
    assert not normalise_licence(stated).known
