"""The cards say what the catalog counts, and machines can read them."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest

from dedup import RESIDUAL_LIMIT
from pipeline.cards import citation
from pipeline.cards.report import report_page, report_sections
from pipeline.cards.sections import Asked, Shots, sections_of
from pipeline.cards.sections.faces import COMMONEST, RAREST, SAMPLE
from pipeline.cards.sections.leaks import PAIRS, leak_pairs
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


def test_the_report_answers_every_question_and_loads_nothing(demo: Demo) -> None:
    page = (demo.out / "report.html").read_text()
    with open_catalog(demo.out) as con:
        sections = report_sections(con, demo.out, demo.recipe)
        kept, taxa = con.execute("SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM taxa)").fetchall()[0]
    assert len(sections) == 18
    for section in sections:
        assert f'<section id="{section.id}"' in page
    sources = re.findall(r'<img src="([^"]{0,40})', page)
    assert len(sources) > SAMPLE + COMMONEST + RAREST
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert not re.search(r"(?:src|href)=\"(?!data:|#)|url\(|<script", page)
    assert len(page) < 2_000_000
    assert f"{kept:,} images of {taxa:,} taxa were kept" in page


def test_the_report_shows_leaks_beside_what_they_would_have_leaked(demo: Demo) -> None:
    with open_catalog(demo.out) as con:
        leaks = con.execute(
            """SELECT rule, distance, variant, item FROM leaks JOIN ledger ON row_id = record_id
               WHERE item IS NOT NULL AND outcome <> 'placeholder' ORDER BY distance DESC NULLS LAST"""
        ).fetchall()
        pairs = list(leak_pairs(Asked(con, demo.out, demo.recipe), Shots(demo.out)))
    assert len(pairs) == min(len(leaks), PAIRS)
    notes = []
    for dropped, held in pairs:
        assert dropped.note.startswith("leak_")
        assert held.data != dropped.data
        notes.append(held.note)
    # A mirrored or turned copy fits its held-out image once that is turned the same way: nothing is left over.
    fitted = [float(found[1]) for note in notes if (found := re.search(r"residual ([\d.]+)", note))]
    assert len(fitted) == sum(note.startswith("hamming") for note in notes) > 0
    assert max(fitted) <= RESIDUAL_LIMIT
    assert sum("turned: " in note for note in notes) > 0


def test_a_report_holds_no_more_bytes_of_pictures_than_it_may(demo: Demo) -> None:
    shots = Shots(demo.out, left=30_000)
    with open_catalog(demo.out) as con:
        found = list(sections_of(Asked(con, demo.out, demo.recipe), shots))
    page = report_page(demo.recipe, found)
    shown = re.findall(r'"(data:image[^"]*)', page)
    assert 0 < len(shown) < 20 and sum(map(len, shown)) <= 30_000
    assert 'class="gone"' in page


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
