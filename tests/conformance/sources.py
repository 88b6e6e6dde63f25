"""Print what the readers make of the real files: `python -m tests.conformance.sources`.

Each line says what was counted, what was expected, and whether they are the same. The files are those of
`../shared/data/sources`; without them there is nothing to print.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from manifests import load_recipe
from manifests.recipe import SourceSpec
from pipeline.engine.engine import EngineOptions
from pipeline.inspection import inspect_release
from pipeline.model.licences import normalise_licence
from pipeline.model.media_keys import media_key
from pipeline.model.records import LOCATOR_COLUMNS, RECORD_SCHEMA
from pipeline.run.driver import run
from pipeline.sources import open_source
from pipeline.sources.bioscan.bioscan5m import image_path

DATA = Path(__file__).parents[2] / "../shared/data/sources"
DOWNLOAD = "gbif/dwca/0022697-200613084148143.zip"
Line = tuple[str, object, object]
"""What was counted, the count, and what was expected."""


def archive_cells() -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Inspect every archive of EXPECTED.csv that is present: give its name, the cells found, and those expected."""
    folder = DATA / "gbif"
    with (folder / "malformed/EXPECTED.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            path = folder / row.pop("archive")
            if path.exists():
                found = inspect_release(path).as_json()
                found["issues"] = ";".join(found["issues"])
                found["extension_rows"] = ";".join(f"{name}={n}" for name, n in found["extension_rows"].items())
                yield path.name, {key: str(found[key]) for key in row}, row


def archives() -> Line:
    """Count the archives of EXPECTED.csv of which every cell is right."""
    same = [found == expected for _, found, expected in archive_cells()]
    return "archives of EXPECTED.csv with exactly its counts and issues", sum(same), len(same)


def _digest(records: pa.Table) -> str:
    """Return the SHA-256 of the sorted rows, whatever their order and where they stood."""
    rows = records.drop_columns(list(LOCATOR_COLUMNS)).to_pylist()
    lines = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _read(path: Path, target_bytes: int) -> tuple[Counter[str], pa.Table]:
    """Read and map a GBIF download; give its counts and records."""
    source = open_source("gbif-dwca")
    release = source.inspect(SourceSpec(name="gbif", kind="gbif-dwca", path=str(path)))
    with tempfile.TemporaryDirectory() as spool:
        release = dataclasses.replace(release, facts={**release.facts, "spool": spool})
        plan = source.plan(release, Path(spool), target_bytes)
        tables: dict[str, list[pa.Table]] = {}
        counts: Counter[str] = Counter()
        for split in plan.splits:
            counts[split.table] += split.rows
            tables.setdefault(split.table, []).append(source.read(split, release).table)
        mapped = source.map({name: pa.concat_tables(parts) for name, parts in tables.items()}, release)
    counts["joined"] = mapped.records.num_rows
    counts.update(mapped.ended.column("outcome").to_pylist())
    return counts, mapped.records


def _ingested(path: Path, folder: Path, options: EngineOptions) -> str:
    """Run the ingest stage over the download, and give the digest of its records."""
    text = f'name = "one"\n[[sources]]\nname = "gbif"\nkind = "gbif-dwca"\npath = {json.dumps(str(path))}\n'
    folder.mkdir()
    (folder / "recipe.toml").write_text(f'{text}[fetch]\ncontact = "mill@example.org"\nhosts = ["*.example.org"]\n')
    run(load_recipe(folder / "recipe.toml"), folder / "out", until="ingest", options=options)
    parts = sorted((folder / "out" / "ingest" / "records").glob("*.parquet"))
    return _digest(pa.concat_tables([pq.read_table(part, schema=RECORD_SCHEMA) for part in parts]))


def download() -> Iterator[Line]:
    """Join the real download of 2020, with other splits and on other runners."""
    path = (DATA / DOWNLOAD).resolve()
    counts, records = _read(path, 16 << 20)
    for name, expected in (("occurrence", 1310), ("multimedia", 1362), ("orphan_media", 1), ("joined", 1361)):
        yield f"download of 2020: {name}", counts[name], expected
    yield "download of 2020: digest with splits of 100 kB", _digest(_read(path, 100_000)[1]), _digest(records)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = _ingested(path, folder / "a", EngineOptions())
        for label, options in (
            ("a second run", EngineOptions()),
            ("two workers", EngineOptions(workers=2)),
            ("the portable runner", EngineOptions(runner="portable")),
        ):
            yield f"download of 2020: digest of {label}", _ingested(path, folder / label, options), first


def licences() -> Iterator[Line]:
    """Normalise the gold table, in capitals too, and what came out once more."""
    with (DATA / "licences/gold.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    right = capitals = again = 0
    for row in rows:
        default = "4.0" if row["sources"].startswith("inat") and "gbif" not in row["sources"] else ""
        found = normalise_licence(row["raw"], default)
        right += (found.id, found.family, found.version) == (row["spdx"], row["family"], row["version"])
        capitals += normalise_licence(row["raw"].upper(), default) == found
        again += not found.id or normalise_licence(found.id).id == found.id
    yield "gold.csv: rows with the right id, family and version", right, len(rows)
    yield "gold.csv: rows that mean the same in capitals", capitals, len(rows)
    yield "gold.csv: ids that are their own normal form", again, len(rows)


def multimedia() -> Line:
    """Read the media of 2014 and of 2020 by name, and compare what every column means."""
    meanings = []
    for name in ("gbif/dwca/0000066-140928181241064.zip", DOWNLOAD):
        _, records = _read(DATA / name, 16 << 20)
        urls = records.column("media_url").to_pylist()
        kinds = set(records.column("media_type").to_pylist()) - {None}
        meanings.append((all(url.startswith("http") for url in urls), kinds <= {"StillImage", "Sound", "MovingImage"}))
    return "multimedia of 2014 means what that of 2020 means", meanings[0], meanings[1]


def idigbio() -> Iterator[Line]:
    """Read the iDigBio archive of 2015, whose header holds a lone quote."""
    with tempfile.TemporaryDirectory() as name:
        for path in (DATA / "idigbio").glob("*.gz"):
            (Path(name) / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        found = inspect_release(Path(name)).as_json()
    yield "iDigBio: occurrences", found["core_rows"], 916
    yield "iDigBio: media rows", sum(found["extension_rows"].values()), 74


def paths_and_keys() -> Iterator[Line]:
    """Compute BIOSCAN's published paths, and EOL's media keys."""
    with (DATA / "bioscan/known_image_checksums.csv").open() as handle:
        paths = [row["image_path"] for row in csv.DictReader(handle)]
    parts = [path.removesuffix(".jpg").split("/") for path in paths]
    right = sum(image_path(part[-1], part[0]) == path for part, path in zip(parts, paths, strict=True))
    yield "BIOSCAN: paths that follow from the processid", right, 17
    lines = gzip.decompress((DATA / "eol/eol_api_media_records.jsonl.gz").read_bytes()).splitlines()
    media = [json.loads(line) for line in lines]
    keys = [media_key(item["source_url"] or item["full_size_url"]) for item in media]
    yield "EOL: iNaturalist media keys", sum(key.startswith("inat:") for key in keys), 645


def lines() -> Iterator[Line]:
    """Yield all lines."""
    yield archives()
    yield from download()
    yield from licences()
    yield multimedia()
    yield from idigbio()
    yield from paths_and_keys()


def main() -> int:
    if not DATA.exists():
        print("the folder of real input files is not beside this repository")
        return 0
    bad = 0
    for what, found, expected in lines():
        same = found == expected
        bad += not same
        print(
            f"{'same ' if same else 'OTHER'}  {what}: {found}" + ("" if same else f", expected {expected}"), flush=True
        )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
