"""Labels number the classes of a rank, by their whole path, and alike for another split."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests.recipe import RANKS
from pipeline.feed import Feed, Labels, Rules, View
from pipeline.model.errors import FeedError

SMALL = View(size=16)
LINEAGES = (
    ("Animalia", "Chordata", "Aves", "Suliformes", "Sulidae", "Morus", "Morus bassanus"),
    ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "Morus alba"),
    ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Ficus", None),
    ("Plantae", None, None, None, None, None, None),
    ("Animalia", "Chordata", "Mammalia", "Carnivora", None, "Puma", "Puma concolor"),
)


@pytest.fixture(scope="module")
def lineages(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, its taxa with lineages that share names and lack ranks."""
    folder = tmp_path_factory.mktemp("lineages") / "shards"
    shutil.copytree(dataset, folder)
    table = pq.read_table(folder / "manifest.parquet")
    rows = table.to_pylist()
    for row in rows:
        row.update(zip(RANKS, LINEAGES[int(row["accepted_id"][1:])], strict=True))
    pq.write_table(pa.Table.from_pylist(rows, table.schema), folder / "manifest.parquet")
    return folder


def found(feed: Feed, labels: Labels) -> list[str]:
    manifest = feed.manifest
    numbers = labels.numbers(manifest, manifest.taxon, manifest.name)
    assert numbers.dtype == np.int64
    return [labels.names[number] if number >= 0 else "" for number in numbers.tolist()]


@pytest.mark.parametrize("rank", RANKS)
def test_every_sample_has_the_name_of_its_rank(lineages: Path, rank: str) -> None:
    feed = Feed(lineages, Rules(8, split=""), SMALL)
    stated = {row["key"]: row for row in pq.read_table(lineages / "manifest.parquet").to_pylist()}
    labels = Labels(feed.manifest, rank)
    wanted = [stated[feed.manifest.key(row)][rank] or "" for row in range(len(feed))]
    assert [name.partition(" (")[0] for name in found(feed, labels)] == wanted
    paths = {tuple(stated[key][each] for each in RANKS[: RANKS.index(rank) + 1]) for key in stated}
    assert len(labels) == len({path for path in paths if path[-1]}) == len(set(labels.names))


def test_one_name_in_two_kingdoms_is_two_classes(lineages: Path) -> None:
    labels = Labels(Feed(lineages, Rules(8), SMALL).manifest, "genus")
    assert labels.names == (
        "Morus (Animalia Chordata Aves Suliformes Sulidae)",
        "Puma",
        "Ficus",
        "Morus (Plantae Tracheophyta Magnoliopsida Rosales Moraceae)",
    ), "in the order of their paths"


def test_taxa_are_the_manifests(lineages: Path) -> None:
    feed = Feed(lineages, Rules(8), SMALL)
    labels = Labels(feed.manifest, "taxon")
    assert labels.names == tuple(feed.manifest.taxa)
    assert found(feed, labels) == [feed.manifest.taxa[number] for number in feed.manifest.taxon.tolist()]


@pytest.mark.parametrize("rank", ["taxon", "genus", "kingdom"])
def test_another_split_has_the_same_numbers_and_minus_one_for_what_is_not_known(lineages: Path, rank: str) -> None:
    some = Feed(lineages, Rules(8, where="accepted_id <> 't2'"), SMALL)
    every = Feed(lineages, Rules(8, split=""), SMALL)
    known = Labels(some.manifest, rank)
    assert found(some, known)
    own = found(every, Labels(every.manifest, rank))
    for there, mine in zip(found(every, known), own, strict=True):
        assert there in (mine, mine.partition(" (")[0], "")
        names = {name.partition(" (")[0] for name in known.names}
        assert (there == "") == (mine == "" or mine.partition(" (")[0] not in names)


def test_a_rank_that_is_none_or_that_no_sample_has_is_refused(dataset: Path) -> None:
    manifest = Feed(dataset, Rules(8), SMALL).manifest
    with pytest.raises(FeedError, match="write 'genus'"):
        Labels(manifest, "genuss")
    with pytest.raises(FeedError, match="no sample has a name at the rank order"):
        Labels(manifest, "order")
