"""The cards say what the catalog counts, and machines can read them."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest

from dedup import RESIDUAL_LIMIT
from pipeline.cards import citation
from pipeline.cards.pictures import LEAKS, TAXA, leak_pairs
from pipeline.catalog import open_catalog
from pipeline.shards import file_digest
from tests.conftest import Demo


def test_the_card_states_counts_licences_funnel_and_citations(demo: Demo) -> None:
    card = (demo.out / "README.md").read_text()
    with open_catalog(demo.out) as con:
        funnel = con.execute("SELECT stage, outcome, rows FROM funnel()").fetchall()
        licences = con.execute("SELECT license_id, sum(images) FROM licences GROUP BY 1").fetchall()
        species = con.execute("SELECT count(DISTINCT species), count(species) FROM samples").fetchall()[0]
    for stage, outcome, rows in funnel:
        assert f"| {stage} | {outcome} | {rows:,} |" in card
    for licence, images in licences:
        assert f"| {licence} | {images:,} |" in card
    assert f"| species | {species[0]:,} | {species[1]:,} |" in card
    assert "https://doi.org/10.0000/dl.biota" in card
    assert "None" not in card
    assert "None" not in (demo.out / "croissant.json").read_text()
    assert "\n\n\n" not in card


def test_the_report_shows_pictures_and_loads_nothing(demo: Demo) -> None:
    page = (demo.out / "report.html").read_text()
    for section in ("taxa", "funnel", "duplicates", "leaks"):
        assert f'<section id="{section}">' in page
    sources = re.findall(r'<img src="([^"]{0,40})', page)
    assert len(sources) > TAXA
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"(?:src|href)=\"(?!data:)|url\(|<script", page)
    assert len(page) < 2_000_000
    with open_catalog(demo.out) as con:
        kept = con.execute("SELECT count(*) FROM samples").fetchall()[0][0]
    assert f"{kept:,} images were kept" in page


def test_the_report_shows_leaks_beside_what_they_would_have_leaked(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        leaks = con.execute(
            """SELECT rule, distance, variant, item FROM leaks JOIN ledger ON row_id = record_id
               WHERE item IS NOT NULL AND outcome <> 'placeholder'"""
        ).fetchall()
        pairs = leak_pairs(con, demo.out)
    assert len(pairs) == min(len(leaks), LEAKS)
    notes = []
    for dropped, held in pairs:
        assert dropped.note.startswith("leak_")
        assert held is not None
        assert held.data != dropped.data
        notes.append(held.note)
    # A mirrored or turned copy fits its held-out image once that is turned the same way: nothing is left over.
    fitted = [float(found[1]) for note in notes if (found := re.search(r"residual ([\d.]+)", note))]
    assert len(fitted) == sum(rule == "hamming" for rule, *_ in leaks)
    assert max(fitted) <= RESIDUAL_LIMIT
    assert sum("turned: " in note for note in notes) == sum(bool(variant) for _, _, variant, _ in leaks) > 0


def test_every_image_is_attributed(demo: Demo) -> None:
    table = pq.read_table(demo.out / "ATTRIBUTION.parquet")
    with open_catalog(demo.out) as con:
        keys = [key for (key,) in con.execute("SELECT key FROM samples ORDER BY key").fetchall()]
    assert table.column("key").to_pylist() == keys
    assert all(table.column("credit").to_pylist())


def test_croissant_names_every_shard_with_its_digest(demo: Demo) -> None:
    told = json.loads((demo.out / "croissant.json").read_text())
    files = {each["contentUrl"]: each for each in told["distribution"]}
    shards = sorted(f"shards/{path.name}" for path in (demo.out / "shards").glob("*.tar"))
    assert sorted(files) == sorted([*shards, "shards/manifest.parquet", "ATTRIBUTION.parquet"])
    for path, stated in files.items():
        assert stated["sha256"] == file_digest(demo.out / path)
        assert stated["contentSize"] == f"{(demo.out / path).stat().st_size} B"
    columns = {
        path: set(pq.read_schema(demo.out / path).names) for path in ("shards/manifest.parquet", "ATTRIBUTION.parquet")
    }
    for group in told["recordSet"]:
        for field in group["field"]:
            assert field["source"]["extract"]["column"] in columns[field["source"]["fileObject"]["@id"]]


def test_mlcroissant_accepts_the_description_and_reads_its_records(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is an oracle, in an environment of its own")
    monkeypatch.chdir(demo.out)
    dataset = mlcroissant.Dataset(jsonld="croissant.json")
    assert not dataset.metadata.issues.errors
    with open_catalog(demo.out) as con:
        kept = con.execute("SELECT count(*) FROM samples").fetchall()[0][0]
    for records in ("samples", "attribution"):
        assert sum(1 for _ in dataset.records(record_set=records)) == kept


@pytest.mark.parametrize(
    ("release", "said"),
    [
        ("https://doi.org/10.15468/dl.ab12", "https://doi.org/10.15468/dl.ab12"),
        ("doi:10.15468/DL.ab12", "https://doi.org/10.15468/DL.ab12"),
        ("0012345-260101", "Release 0012345-260101"),
        ("", "GBIF Occurrence Download"),
    ],
)
def test_a_release_is_cited_by_its_doi_or_name(release: str, said: str) -> None:
    assert citation("gbif-dwca", "gbif", release).endswith(said)
