"""Licences: the gold table, and what must hold for any statement."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.licences import VERSIONS, Licence, normalise_licence

GOLD = Path(__file__).parents[3] / "../shared/data/sources/licences/gold.csv"


def test_the_gold_table_is_reproduced() -> None:
    if not GOLD.exists():
        pytest.skip("the table of real licence statements is not beside this repository")
    with GOLD.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) > 100
    for row in rows:
        default = "4.0" if row["sources"].startswith("inat") and "gbif" not in row["sources"] else ""
        flags = [None if row[name] == "" else row[name] == "1" for name in ("nc", "nd", "sa")]
        expected = Licence(
            row["spdx"], row["family"], row["version"], row["jurisdiction"], flags[0], flags[1], flags[2], row["flag"]
        )
        assert normalise_licence(row["raw"], default) == expected, row["raw"]
        assert normalise_licence(row["raw"].upper(), default) == expected, row["raw"]


@pytest.mark.parametrize(
    ("raw", "reference", "family"),
    [
        ("Available under Creative Commons BY-SA-NC 3.0 license", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA"),
        ("http://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0", "CC-BY-NC"),
        ("http://creativecommons.org/licenses/publicdomain/", "CC-PDDC", "PD"),
        ("CC_BY_NC_4_0", "CC-BY-NC-4.0", "CC-BY-NC"),
        ("cc-by-nc-sa 2.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA"),
        ("Public Domain (CC0)", "CC0-1.0", "CC0"),
        ("CC BY", "LicenseRef-CC-BY", "CC-BY"),
        ("© A. Person, some rights reserved (CC BY-NC)", "LicenseRef-CC-BY-NC", "CC-BY-NC"),
        ("(c) A. Person, all rights reserved", "LicenseRef-ARR", "ARR"),
        ("CC BY 2015", "LicenseRef-CC-BY", "CC-BY"),
        ("", "", "UNSPECIFIED"),
        ("Photo by J. Doe", "", "UNKNOWN"),
        ("Creative Commons by J. Doe", "", "UNKNOWN"),
        ("not in the public domain", "", "UNKNOWN"),
        ("CC BY or CC0", "", "AMBIGUOUS"),
        ("CC-BY-ND-SA", "", "AMBIGUOUS"),
        ("CC BY, no commercial use", "", "AMBIGUOUS"),
        ("public domain, non-commercial use only", "", "AMBIGUOUS"),
        ("http://creativecommons.org/licenses/nc/1.0/", "", "UNKNOWN"),
        ("https://creativecommons.org.evil.example/licenses/by/4.0/", "", "UNKNOWN"),
    ],
)
def test_statements_beyond_the_gold_table(raw: str, reference: str, family: str) -> None:
    licence = normalise_licence(raw)
    assert (licence.reference, licence.family) == (reference, family)


def test_every_id_names_itself() -> None:
    for codes in ("BY", "BY-SA", "BY-NC", "BY-ND", "BY-NC-SA", "BY-NC-ND"):
        for version in sorted(VERSIONS):
            assert normalise_licence(f"CC-{codes}-{version}").id == f"CC-{codes}-{version}"
            assert normalise_licence(f"https://creativecommons.org/licenses/{codes}/{version}/").version == version


WORDS = st.sampled_from(
    [
        *("cc", "CC", "by", "nc", "nd", "sa", "-", " ", "_", "4.0", "3.0", "3.52", "de", "(", ")", "0", "zero"),
        *("public", "domain", "creative commons", "attribution", "NonCommercial", "share alike", "no derivatives"),
        *("©", "all rights reserved", "http://creativecommons.org/licenses/", "by-nc/4.0/", "ß", "ı", "–", "not "),
    ]
)
STATEMENTS = st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=9).map("".join))


@settings(max_examples=400, deadline=None)
@given(STATEMENTS)
def test_any_statement_is_understood_the_same_way_twice_and_in_capitals(raw: str) -> None:
    licence = normalise_licence(raw)
    assert normalise_licence(raw.upper()) == licence
    again = normalise_licence(licence.reference)
    if licence.reference:
        assert (again.id, again.family) == (licence.id, licence.family)
    else:
        assert again.family == "UNSPECIFIED"
    assert licence.known == (licence.nc is not None)
    if licence.family.startswith("CC-BY"):
        assert (licence.nc, licence.nd, licence.sa) == tuple(f"-{x}" in licence.family for x in ("NC", "ND", "SA"))
