"""Hold shipped rules on records against real tables: `python -m tests.conformance.record_rules DATA`.

Prints for each rule how many rows of the tables of DATA it ends, and how many of those it should not, where that can be
counted, with the exact upper bound at 95 % (Clopper and Pearson, one-sided). Words are looked for as the sources do.
What such words mean was judged by eye: `--words` lists the texts of all rows that they end, and 200 others of each
table in the order of a hash.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import ImageRules
from manifests.condition import read_condition
from manifests.sections.shipped_rules import SHIPPED_RULES
from pipeline.media.images.stored_image import process
from pipeline.sources.mapping.subject_words import STATED, subject_words
from tests.conformance.picture_rules import upper_bound

Row = dict[str, Any]
COLUMNS = (*STATED, "media_url", "source_page")
FRAMES = 3
"""Frames of a burst as most cameras take them."""
FINE = 64
"""Pixels of the shorter side of a box from which it says enough to be kept."""


def _tsv(text: Iterable[str]) -> Iterator[Row]:
    return csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)


def media_tables(data: Path) -> Iterator[tuple[str, list[Row]]]:
    """Yield what sources state of media: of GBIF's downloads, of EOL, and of an archive of iDigBio."""
    gbif = {"media_url": "identifier", "source_page": "references", "title": "title", "description": "description"}
    for path in sorted((data / "gbif/multimedia").glob("*.multimedia.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as table:
            rows = list(_tsv(table))
        yield path.name.split(".")[0], [{to: row[name] for to, name in gbif.items()} for row in _images(rows)]
    for path in sorted((data / "gbif/dwca").glob("00*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in (each for each in archive.namelist() if each.endswith("multimedia.txt")):
                rows = list(_tsv(io.TextIOWrapper(archive.open(name), "utf-8")))
                yield path.stem, [{to: row.get(name) for to, name in gbif.items()} for row in _images(rows)]
    with gzip.open(data / "eol/eol_api_media_records.jsonl.gz", "rt") as lines:
        found = [json.loads(line) for line in lines]
    yield (
        "eol api",
        [
            {"title": each["title"], "media_url": each["full_size_url"], "source_page": each["source_url"]}
            for each in found
        ],
    )
    addresses = pq.read_table(data / "eol/eol_content_urls_sample.parquet", columns=["identifier"])
    yield "eol manifest", [{"media_url": each} for each in addresses["identifier"].to_pylist()]
    with gzip.open(data / "idigbio/multimedia.txt.gz", "rt") as table:
        header = table.readline().strip().replace('"', "").split(",")  # one of its quotes is not closed
        rows = [dict(zip(header, row, strict=False)) for row in csv.reader(table)]
    terms = {"subtype": "ac:subtype", "caption": "ac:caption", "media_url": "ac:accessURI"}
    yield "idigbio", [{to: row.get(name) for to, name in terms.items()} for row in rows]


def _images(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.get("type") in ("StillImage", "", None)]


def words_of(rows: list[Row]) -> list[str | None]:
    """Return the words of every row."""
    columns = {name: pa.array([row.get(name) or None for row in rows], pa.string()) for name in COLUMNS}
    found: list[str | None] = subject_words(columns, len(rows)).to_pylist()
    return found


def named_tables(data: Path) -> Iterator[tuple[str, list[Row]]]:
    """Yield the names of records, as `vernacular_name` and `scientific_name`, of real tables."""
    with gzip.open(data / "eol/eol_api_media_records.jsonl.gz", "rt") as lines:
        yield "eol api", [{"scientific_name": json.loads(line)["scientific_name"]} for line in lines]
    for path in sorted((data / "cameratraps/lila").glob("*balanced.csv.gz")):
        with gzip.open(path, "rt") as table:
            rows = list(csv.DictReader(table))
        yield (
            path.name.split(".")[0],
            [
                {"scientific_name": row.get("scientific_name"), "vernacular_name": row.get("original_label")}
                for row in rows
            ],
        )
    for path in sorted((data / "gbif/dwca").glob("00*.zip")):
        with zipfile.ZipFile(path) as archive:
            rows = list(_tsv(io.TextIOWrapper(archive.open("occurrence.txt"), "utf-8")))
        names = {"scientific_name": "scientificName", "vernacular_name": "vernacularName"}
        yield path.stem, [{to: row.get(name) for to, name in names.items()} for row in rows]
    with (data / "cameratraps/camtrap-dp/observations.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["observationLevel"] == "media"]
    for kind in ("animal", "human"):
        found = [row for row in rows if row["observationType"] == kind]
        yield f"camtrap-dp, {kind}", [{"scientific_name": row["scientificName"]} for row in found]


def ended(rule: str, rows: list[Row]) -> int:
    """Return how many records a rule ends; the genus of a name is its first word."""
    schema = pa.schema([(name, pa.string()) for name in ("vernacular_name", "scientific_name", "genus")])
    whole = [{**row, "genus": (row.get("scientific_name") or "").split(" ")[0] or None} for row in rows]
    with duckdb.connect() as con:
        con.register("r", pa.Table.from_pylist(whole, schema))
        fails = f"NOT coalesce({read_condition(SHIPPED_RULES[rule].condition).sql}, false)"
        return int(con.execute(f"SELECT count(*) FROM r, LATERAL (SELECT r.genus) n WHERE {fails}").fetchall()[0][0])


def boxes(data: Path) -> tuple[int, int, int]:
    """Return the boxes of FathomNet, those that are tiny, and those of these that have enough pixels all the same."""
    with gzip.open(data / "fathomnet/fgvc2023_val_split.json.gz") as packed:
        trees = [json.load(packed), json.loads((data / "fathomnet/fgvc2025_dataset_test.json").read_text())]
    rows = []
    for tree in trees:
        sizes = {image["id"]: (image["width"], image["height"]) for image in tree["images"]}
        rows += [(*each["bbox"][2:], *sizes[each["image_id"]]) for each in tree["annotations"]]
    schema = pa.schema([(name, pa.float64()) for name in ("box_w", "box_h", "media_width", "media_height")])
    table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    with duckdb.connect() as con:
        con.register("r", table)
        fails = f"NOT coalesce({read_condition(SHIPPED_RULES['no-tiny-subjects'].condition).sql}, false)"
        query = f"SELECT count(*) FILTER ({fails}), count(*) FILTER ({fails} AND least(box_w, box_h) >= {FINE}) FROM r"
        return (len(rows), *con.execute(query).fetchall()[0])


def still_bursts(frames: list[Path]) -> tuple[int, int]:
    """Return how many runs of `FRAMES` frames there are, and of how many the rule ends a frame."""
    hashes = [int.from_bytes(process(path.read_bytes(), [None], ImageRules(), 10**8)[0].pdq, "big") for path in frames]
    runs = [hashes[place : place + FRAMES] for place in range(len(hashes) - FRAMES + 1)]
    far = [[max((a ^ b).bit_count() for b in run if b is not a) for a in run] for run in runs]
    return len(runs), sum(min(each) < 16 for each in far)


def _bound(wrong: int, of: int) -> str:
    return f"{wrong:,} of {of:,}, at most {100 * upper_bound(wrong, of):.2g} %"


def main() -> None:
    data = Path(sys.argv[1]) / "sources"
    rows_seen = rows_ended = 0
    for name, rows in media_tables(data):
        found = words_of(rows)
        told = sorted({word for word in found if word})
        rows_seen, rows_ended = rows_seen + len(rows), rows_ended + sum(word is not None for word in found)
        print(f"no-labels ends {sum(word is not None for word in found):,} of {len(rows):,} of {name}: {told}")
        if "--words" in sys.argv:
            stated = [(row.get("title") or row.get("description") or row.get("caption"), row) for row in rows]
            texts = sorted(
                {text for text, _ in stated if text}, key=lambda text: hashlib.sha256(text.encode()).digest()
            )
            for text in itertools.islice(texts, 200):
                print(f"    {text[:100]}")
    print(f"no-labels ends {rows_ended:,} of {rows_seen:,}")
    for rule in ("no-people", "no-empty-frames"):
        for name, rows in named_tables(data):
            print(f"{rule} ends {_bound(ended(rule, rows), len(rows))} of {name}")
    total, tiny, fine = boxes(data)
    print(f"no-tiny-subjects ends {tiny:,} of {total:,} boxes; of at least {FINE} pixels were {_bound(fine, total)}")
    frames = sorted((data / "cameratraps/camtrap-dp/media").glob("*.JPG"))
    print("no-still-frames ends a frame of {1} of {0} runs of three frames of a heron".format(*still_bursts(frames)))


if __name__ == "__main__":
    main()
