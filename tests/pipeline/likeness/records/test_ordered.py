"""Arrived records on disk say of every record what their tables say, one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.likeness.node_files import write_node_files
from pipeline.likeness.records import merged as streams
from pipeline.likeness.records.groups import KINDS
from pipeline.likeness.records.lineages import LABEL_COLUMNS
from pipeline.likeness.records.ordered import Arrived, Ordered
from pipeline.likeness.records.record_texts import TEXT_COLUMNS
from pipeline.likeness.stored import read_places
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.stages.screen import CANDIDATE_SCHEMA
from pipeline.storage.database import connect
from pipeline.storage.files.atomic import write_table

LABELS = [("t:G", "t:G"), ("t:one", "t:G"), ("t:two", None)]
ORDER = "m.width DESC, c.source, c.record_id"
ARRIVED_SCHEMA = pa.schema([(name, pa.string()) for name in ("record_id", "source", "image_id", "media_id")])


@dataclass(frozen=True)
class Tables:
    """What earlier stages left: rows as they wrote them."""

    arrived: list[dict[str, Any]]
    media: list[dict[str, Any]]
    candidates: list[dict[str, Any]]

    def records(self) -> list[dict[str, Any]]:
        """Return the arrived records with all that is known of them, the preferred ones first."""
        media = {row["image_id"]: {**row, "image": at} for at, row in enumerate(self.media)}
        candidates = {row["record_id"]: row for row in self.candidates}
        rows = [{**media[row["image_id"]], **candidates[row["record_id"]], **row} for row in self.arrived]
        return sorted(rows, key=lambda row: (-row["width"], row["source"], row["record_id"]))


def tables(seed: int, count: int) -> Tables:
    """Records of which some arrived, under keys that several share, some share with none, and some have not."""
    draw = random.Random(seed)
    media = [
        {
            "image_id": f"image {at}",
            "sha256": draw.choice("pqr"),
            "pixel_sha256": draw.choice("PQRSTU"),
            "pdq": draw.randbytes(32),
            "phash": draw.randbytes(8).hex(),
            "quality": draw.choice([3, 50, 90]),
            "width": draw.choice([10, 20]),
            "unit": f"u{at % 3}",
            "offset": at * 10,
            "length": 10,
        }
        if at % 5
        else {"image_id": f"image {at}", "outcome": "gone"}
        for at in range(count + 3)
    ]
    keys = ["", None, "k", "l", "m"]
    candidates: list[dict[str, Any]] = [
        {name: draw.choice([*keys, f"{name} {at}"]) for name in ("occurrence_key", "specimen_key", "media_key")}
        | {"record_id": f"{draw.getrandbits(64):016x}", "source": draw.choice("st"), "name_id": draw.choice("012")}
        | {
            "box_x": draw.choice([None, 1.0]),
            "license_family": "CC0",
            "provenance": 1,
            "image_id": "of the first source",
        }
        for at in range(2 * count)
    ]
    stored = [row["image_id"] for row in media if "outcome" not in row]
    arrived = [
        {"record_id": row["record_id"], "source": row["source"], "image_id": draw.choice(stored)}
        | {"media_id": draw.choice(["m", f"medium of {row['record_id']}"])}
        for row in draw.sample(candidates, count)
    ]
    by_id: Callable[[dict[str, Any]], str] = lambda row: row["record_id"]  # noqa: E731
    return Tables(sorted(arrived, key=by_id), media, sorted(candidates, key=by_id))


def laid_down(folder: Path, given: Tables, parts: int = 3) -> Ordered:
    """Write the tables as earlier stages do, in so many files each, and order what arrived."""
    files = []
    for name, rows, schema in (
        ("arrived", given.arrived, ARRIVED_SCHEMA),
        ("media", given.media, MEDIA_SCHEMA),
        ("candidates", given.candidates, CANDIDATE_SCHEMA),
    ):
        cuts = np.linspace(0, len(rows), parts + 1).astype(int)
        paths = [folder / name / f"{at}.parquet" for at in range(parts)]
        for path, start, stop in zip(paths, cuts, cuts[1:], strict=False):
            write_table(path, pa.Table.from_pylist(rows[start:stop], schema))
        files.append(paths)
    ordered = Ordered(folder / "ordered", Arrived(*files))
    labels = [{**dict.fromkeys(LABEL_COLUMNS), "genus_id": genus, "accepted_id": taxon} for taxon, genus in LABELS]
    schema = pa.schema([(name, pa.string()) for name in ("name_id", *LABEL_COLUMNS)]).append(
        pa.field("label", pa.int32())
    )
    named = [{**label, "name_id": str(at), "label": at} for at, label in enumerate(labels)]
    columns = ", ".join(f'"{name}"' for name in LABEL_COLUMNS)
    with connect(200, folder) as con:
        con.register("named", pa.Table.from_pylist(named, schema))
        ordered.write(con, ORDER, f"SELECT {columns} FROM named ORDER BY label")
    return ordered


def first_equal(values: list[Any]) -> list[int]:
    return [values.index(value) if value else at for at, value in enumerate(values)]


@pytest.mark.parametrize("count", [0, 1, 40, 300])
def test_what_decides_about_the_records_is_what_their_tables_say(tmp_path: Path, count: int) -> None:
    given = tables(count, count)
    ordered, records = laid_down(tmp_path, given), given.records()
    assert ordered.array("image").tolist() == [row["image"] for row in records]
    read = ordered.candidates()
    assert read.quality.tolist() == [row["quality"] for row in records]
    assert read.box.tolist() == [row["box_x"] is not None for row in records]
    assert read.pixels.tolist() == first_equal([row["pixel_sha256"] for row in records])
    assert read.picture.tolist() == first_equal([row["sha256"] for row in records])
    labels = [LABELS[int(row["name_id"])] for row in records]
    assert [read.lineages.taxon(label) for label in read.label.tolist()] == [taxon for taxon, _ in labels]
    assert [read.lineages.at_rank(label, 5) for label in read.label.tolist()] == [genus for _, genus in labels]
    for kind, names in KINDS.items():
        keys = [tuple(row[name] for name in names) for row in records]
        assert ordered.array(kind).tolist() == first_equal([key if all(key) else None for key in keys])
    digests = [row for batch in ordered.digests() for row in batch.to_pylist()]
    assert digests == [{name: row.get(name) for name in ("sha256", "pixel_sha256")} for row in given.media]


@pytest.mark.parametrize("count", [0, 40])
def test_the_texts_are_those_of_the_tables(tmp_path: Path, count: int) -> None:
    given = tables(7, count)
    texts, records = laid_down(tmp_path, given).texts(), given.records()
    told = [
        (place, row) for places, batch in texts.batches() for place, row in zip(places, batch.to_pylist(), strict=True)
    ]
    expected = sorted(enumerate(records), key=lambda each: str(each[1]["record_id"]))
    assert told == [(place, {name: row[name] for name in TEXT_COLUMNS}) for place, row in expected]
    assert len(texts) == count and texts.by_name().tolist() == [place for place, _ in expected]
    if count:
        ids = [row["record_id"] for row in records]
        assert texts.id_of(np.array([3, -1, 0, 3])).to_pylist() == [ids[3], None, ids[0], ids[3]]


def test_a_record_without_an_image_or_a_name_is_left_out_and_the_others_stay(tmp_path: Path) -> None:
    given = tables(9, 20)
    given.candidates[:] = [row | {"name_id": "none"} if at % 7 == 3 else row for at, row in enumerate(given.candidates)]
    ordered = laid_down(tmp_path, given)
    records = [row for row in given.records() if row["name_id"] != "none"]
    assert 0 < len(records) < 20
    texts = ordered.texts()
    ids = [row["record_id"] for row in records]
    assert texts.id_of(np.arange(len(ids))).to_pylist() == ids
    told = {
        int(p): row["record_id"] for ps, batch in texts.batches() for p, row in zip(ps, batch.to_pylist(), strict=True)
    }
    assert told == dict(enumerate(ids))


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_tables_that_stand_in_another_order_and_come_in_other_batches_give_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    given = tables(5, 30)
    whole = laid_down(tmp_path / "whole", given)
    monkeypatch.setattr(streams, "_BATCH", rows)
    shuffled = Tables(
        given.arrived[::-1], given.media, random.Random(1).sample(given.candidates, len(given.candidates))
    )
    other = laid_down(tmp_path / "other", shuffled, parts=2)
    for path in whole.folder.glob("*.npy"):
        assert (other.folder / path.name).read_bytes() == path.read_bytes()
    name = "records.parquet"
    assert pq.read_table(other.folder / name).equals(pq.read_table(whole.folder / name))


def test_hashes_are_those_of_the_chosen_images_and_then_those_of_placeholders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tables(3, 50)
    media = laid_down(tmp_path, given).tables.media
    chosen = np.array([1, 49, 6, 7, 8, 21])
    behind = np.arange(64, dtype=np.uint8).reshape(2, 32)
    for rows in (1, 7, 1000):
        monkeypatch.setattr(streams, "_BATCH", rows)
        write_node_files(tmp_path, media, chosen, (behind, behind[:, :8]))
        pdq, phash = (np.load(tmp_path / f"{name}.npy") for name in ("hashes", "phashes"))
        assert (pdq.dtype, pdq.shape, phash.shape) == (np.uint8, (8, 32), (8, 8))
        assert [row.tobytes() for row in pdq[:6]] == [given.media[at]["pdq"] for at in chosen]
        assert [row.tobytes().hex() for row in phash[:6]] == [given.media[at]["phash"] for at in chosen]
        assert (pdq[6:] == behind).all() and (phash[6:] == behind[:, :8]).all()
        places = read_places(tmp_path / "places.arrow").take(pa.array(np.load(tmp_path / "nodes.npy"))).to_pylist()
        assert places == [{name: given.media[at][name] for name in ("unit", "offset", "length")} for at in chosen]
    assert not list(tmp_path.glob("*pdq*"))


def test_what_is_whole_is_not_made_again_and_what_is_missing_is(tmp_path: Path) -> None:
    given = tables(5, 30)
    ordered = laid_down(tmp_path, given)
    files = {path.name: path.read_bytes() for path in ordered.folder.iterdir()}
    records = ordered.folder / "records.parquet"
    stamp = records.stat().st_mtime_ns
    for name in ("box", "specimen", "row"):
        (ordered.folder / f"{name}.npy").unlink()
    again = laid_down(tmp_path, given)
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == files
    assert records.stat().st_mtime_ns == stamp
    with connect(200, tmp_path) as con:
        ordered.write(con, "nothing that is SQL", "SELECT * FROM nothing")  # all is there, so nothing is asked
    ordered.remove()
    assert not ordered.folder.exists()
