"""The figure that `biotrove-train` is held to, on the two files that BioTrove publishes as a sample.

BIOMILL_BIOTROVE_SAMPLE names the folder of chunk_0_1000_1.parquet and chunk_0_1000_2.parquet
(Biotrove-preprocess/data/Arboretum-Full-samples of https://github.com/baskargroup/BioTrove). Its own tool, with a floor
of 10 and a cap of 12, keeps 116 of their photos.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import load_recipe, starter_recipe
from pipeline.catalog import open_catalog
from pipeline.engine.engine import EngineOptions
from pipeline.model.errors import SourceError
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.end_to_end.small_releases import Taxa, store

SAMPLE = os.environ.get("BIOMILL_BIOTROVE_SAMPLE", "")
HOST = "http://inaturalist-open-data.s3.amazonaws.com/"
FLOOR, CAP = 10, 12

pytestmark = pytest.mark.skipif(
    not SAMPLE or not list(Path(SAMPLE).glob("*.parquet")),
    reason="BIOMILL_BIOTROVE_SAMPLE does not name the folder of BioTrove's sample",
)


@pytest.fixture(scope="module")
def sample() -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted(Path(SAMPLE).glob("*.parquet")))


@pytest.fixture(scope="module")
def place(sample: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture for every photo, none like another, and a taxonomy of the sample's own names."""
    folder = tmp_path_factory.mktemp("sample")
    urls = sorted(set(sample.column("photo_url").to_pylist()))
    store(folder / "mirror", ((url.removeprefix(HOST), url) for url in urls))
    ranks = ("kingdom", "phylum", "class", "order", "family", "genus", "scientificName")
    names = {tuple(row[rank] for rank in ranks) for row in sample.select(ranks).to_pylist()}
    Taxa().add(sorted(names)).write(folder / "taxa.tsv")
    return folder


def selected(place: Path, path: Path, out: str, until: str = "select", reuse: str = "") -> Path:
    """Run `biotrove-train` over Parquet files, with the floor and the cap of the sample's configuration."""
    (place / "recipe.toml").write_text(starter_recipe("biotrove-train"))
    said = [
        *("sources.inat.kind=biotrove", f"sources.inat.path={path}", "sources.inat.license=CC0-1.0"),
        *(f'taxonomy.sources=["{place / "taxa.tsv"}"]', f'fetch.mirrors=["{HOST}={place / "mirror"}"]'),
        *(
            f"select.min_per_taxon={FLOOR}",
            f"select.cap_per_taxon={CAP}",
            'select.taxa=["Arachnida"]',
            "image.min_side=32",
        ),
        'fetch.hosts=["inaturalist-open-data.s3.amazonaws.com"]',
    ]
    recipe = load_recipe(place / "recipe.toml", said, files=True)
    run(recipe, place / out, until, options=EngineOptions(), reuse=[place / reuse] if reuse else [])
    return place / out


def kept(out: Path) -> set[str]:
    return set(pq.read_table(out / "select" / "decisions", columns=["record_id"]).column(0).to_pylist())


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    return selected(place, Path(SAMPLE), "whole", "catalog")


def test_566_photos_of_48_species_are_kept_and_every_common_species_has_its_cap(whole: Path, sample: pa.Table) -> None:
    assert (sample.num_rows, len(set(sample.column("photo_id").to_pylist()))) == (1737, 1733)
    stated = Counter(
        name for _, name in {tuple(row.values()) for row in sample.select(["photo_id", "scientificName"]).to_pylist()}
    )
    with open_catalog(whole) as con:
        species = con.execute("SELECT accepted_name, count(*) FROM samples GROUP BY 1").fetchall()
        ended = dict(con.execute("SELECT outcome, count(*) FROM ledger GROUP BY 1").fetchall())
        rare = con.execute(
            "SELECT count(DISTINCT n.accepted_name) FROM ledger l JOIN records r ON r.record_id = l.row_id "
            "JOIN names n USING (name_id) WHERE l.outcome = 'too_rare'"
        ).fetchall()
    assert ended == {"kept": 566, "too_rare": 717, "over_quota": 450, "duplicate_record": 4}
    assert (len(species), rare) == (48, [(273,)])
    assert Counter(count for _, count in species)[CAP] == len({name for name, count in stated.items() if count >= CAP})
    assert sum(count > CAP for count in stated.values()) == 34
    assert all(check.ok for check in verify(whole))


@pytest.mark.parametrize("cut", ["one file", "many files", "other names"])
def test_the_same_photos_are_kept_however_the_files_are_cut_and_called(
    cut: str, place: Path, whole: Path, sample: pa.Table
) -> None:
    folder = place / cut.replace(" ", "-")
    folder.mkdir()
    if cut == "one file":
        pq.write_table(sample.take(list(range(sample.num_rows))[::-1]), folder / "all.parquet")
    elif cut == "many files":
        for at in range(0, sample.num_rows, 20):
            pq.write_table(sample.slice(at, 20), folder / f"part-{at * 7919 % 1000:03}-{at}.parquet")
    else:
        for name, path in zip("za", sorted(Path(SAMPLE).glob("*.parquet")), strict=True):
            (folder / f"{name}.parquet").write_bytes(path.read_bytes())
    assert kept(selected(place, folder, f"{folder.name}-out", reuse="whole")) == kept(whole)


def test_by_the_epithet_alone_as_their_tool_counts_it_would_be_565(sample: pa.Table) -> None:
    counts = Counter(sample.column("species").to_pylist())
    frequent = [count for count in counts.values() if count >= FLOOR]
    assert (sum(min(count, CAP) for count in frequent), len(frequent)) == (565, 48)
    names = sample.group_by(["species"]).aggregate([("scientificName", "count_distinct")])
    assert sum(several > 1 for several in names.column("scientificName_count_distinct").to_pylist()) == 9


def test_a_file_that_is_cut_short_ends_the_run_and_is_named(place: Path) -> None:
    folder = place / "cut"
    folder.mkdir()
    first, second = sorted(Path(SAMPLE).glob("*.parquet"))
    (folder / first.name).write_bytes(first.read_bytes())
    (folder / second.name).write_bytes(second.read_bytes()[:5000])
    with pytest.raises(SourceError, match=second.name):
        selected(place, folder, "cut-out")
