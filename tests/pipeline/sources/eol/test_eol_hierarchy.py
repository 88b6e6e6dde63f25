"""Names of EOL's pages: an authorship that is stated goes before one that is read from the name."""

from __future__ import annotations

import pyarrow as pa

from pipeline.sources.eol.eol_hierarchy import pages_of


def test_a_stated_authorship_goes_before_the_one_in_the_name() -> None:
    taxa = pa.table(
        {
            "taxonID": ["1", "2", "3"],
            "eolID": ["1", "2", "3"],
            "scientificName": ["Puma Jardine, 1834", "Puma Jardine, 1834", "Felis"],
            "canonicalName": ["Puma", "Puma", "Felis"],
            "scientificNameAuthorship": ["Jardine in Lizars, 1834", None, None],
        }
    )
    assert pages_of(taxa).column("name_authorship").to_pylist() == ["Jardine in Lizars, 1834", "Jardine, 1834", None]
