"""The cards: made anew from the views, text by text and row by row; and their figures against the walk of the tars."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.cards import ATTRIBUTION, CROISSANT, REPORT, SAMPLE
from pipeline.cards.facts import Facts, gather
from pipeline.cards.write import ATTRIBUTIONS, card_files, listed_cards
from pipeline.media.images.resampling import library_versions
from pipeline.model.errors import VerifyError
from pipeline.shards import CHECKSUMS, checksum_text, file_digest, read_checksums
from pipeline.shards.index import read_text
from pipeline.storage.database import quote
from pipeline.storage.files.atomic import read_json
from pipeline.verify.check import Findings, Run
from pipeline.verify.contents import Contents

_PICTURE = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/=]*|residual [0-9.]+")


def cards(run: Run, contents: Contents) -> str:
    """Card, Croissant, report and attribution are what the catalog gives; what they count is what the tars hold."""
    found = Findings("cards are not what catalog and shards say")
    _checksums(run, found)
    _attribution(run, found)
    facts = gather(run.con, run.folder.root, run.recipe)
    pictures = _texts(run, facts, found)
    try:
        _figures(run, contents, facts, found)
    except duckdb.Error as error:
        found.add("what the samples' JSON counts", str(error).replace("\n", ";"))
    found.check()
    rows = run.count(f"SELECT count(*) FROM read_parquet({quote(str(run.folder.root / ATTRIBUTION))})")
    return f"{len(listed_cards(run.folder.root))} files, {rows:,} attributions{pictures}"


def _checksums(run: Run, found: Findings) -> None:
    root = run.folder.root
    try:
        stated = read_checksums(root / CHECKSUMS)
        names = listed_cards(root)
        if sorted(stated) != sorted(names) or checksum_text(stated) != read_text(root / CHECKSUMS):
            found.add(f"{CHECKSUMS} does not list {', '.join(names)}, or not as it is written")
    except VerifyError as error:
        found.add(CHECKSUMS, error.what)
        return
    for name, digest in sorted(stated.items()):
        try:
            if file_digest(root / name) != digest:
                found.add(f"{name} has changed since it was written")
        except VerifyError as error:
            found.add(name, error.what)


def _texts(run: Run, facts: Facts, found: Findings) -> str:
    """Compare the texts; return what is to be said of pictures that cannot be made again here."""
    root, said = run.folder.root, ""
    try:
        expected = card_files(run.con, root, run.recipe, facts, run.folder.images)
    except (VerifyError, OSError) as error:
        found.add("card, Croissant and report cannot be made anew", str(error).replace("\n", ";"))
        return said
    for name, data in expected.items():
        if name == SAMPLE:
            if (root / name).read_bytes() != data and _same_libraries(run):
                found.add(name, "is not the picture that the shards give")
            continue
        text = data.decode()
        try:
            stated = read_text(root / name)
        except VerifyError as error:
            found.add(name, error.what)
            continue
        if stated == text:
            continue
        if name == REPORT and not (run.folder.stage("fetch") / "blobs").is_dir():
            said = f"; {REPORT} has its checksum, and cannot be made anew, as fetch's blobs are gone"
            continue
        if name == REPORT and _plain(stated) == _plain(text) and not _same_libraries(run):
            said = f"; the pictures of {REPORT} were made by other versions of the libraries, and are not compared"
            continue
        found.add(name, _first_difference(stated, text))
        if name == CROISSANT:
            _keys(stated, text, found)
    return said


def _keys(stated: str, expected: str, found: Findings) -> None:
    """Name the keys of Croissant that differ, where it is JSON at all."""
    try:
        said = json.loads(stated)
    except ValueError:
        return
    wanted = json.loads(expected)
    for key in sorted(said.keys() | wanted.keys()) if isinstance(said, dict) else ():
        if said.get(key) != wanted.get(key):
            found.add(f"{CROISSANT}, key {key}")


def _plain(report: str) -> str:
    return _PICTURE.sub("", report)


def _same_libraries(run: Run) -> bool:
    """Return whether pictures come out byte for byte as they did."""
    code = read_json(run.folder.manifest).get("code", {})
    now = library_versions(run.recipe.image.resampler)
    return all(code.get(name) == version for name, version in now.items())


def _first_difference(stated: str, expected: str) -> str:
    lines = zip((*stated.split("\n"), "(nothing)"), (*expected.split("\n"), "(nothing)"), strict=False)
    number, said, wanted = next((i, a, b) for i, (a, b) in enumerate(lines, start=1) if a != b)
    at = next((i for i, (a, b) in enumerate(zip(said, wanted, strict=False)) if a != b), min(len(said), len(wanted)))
    start = max(0, at - 40)
    return f"line {number} says {said[start : start + 120]!r}, expected {wanted[start : start + 120]!r}"


def _attribution(run: Run, found: Findings) -> None:
    """Compare ATTRIBUTION.parquet with its view, column by column, and each batch's values with its statistics."""
    path = run.folder.root / ATTRIBUTION
    try:
        schema = pq.read_schema(path)
        expected = run.con.sql(f"SELECT * FROM ({ATTRIBUTIONS}) LIMIT 0").to_arrow_table().schema
    except (OSError, pa.ArrowException) as error:
        found.add(ATTRIBUTION, str(error))
        return
    if not schema.equals(expected):
        found.add(f"{ATTRIBUTION} has other columns or types", str(sorted(set(schema.names) ^ set(expected.names))))
        return
    stored = f"read_parquet({quote(str(path))}, file_row_number = true)"
    view = "(SELECT *, row_number() OVER (ORDER BY key) - 1 AS nth FROM attribution)"
    asked = ", ".join(f'count(*) FILTER (a."{name}" IS DISTINCT FROM b."{name}")' for name in expected.names)
    (answer,) = run.rows(f"SELECT {asked}, count(*) FROM {stored} a FULL JOIN {view} b ON b.nth = a.file_row_number")
    for name, cases in zip(expected.names, answer, strict=False):
        if cases:
            found.add(f"{ATTRIBUTION}, column {name}", "is not what the view attribution gives", cases)


def _figures(run: Run, contents: Contents, facts: Facts, found: Findings) -> None:
    """Compare what card and Croissant count with the walk: splits, licences, files with their sizes and digests."""
    if facts.images != contents.samples:
        found.add("number of images", f"{facts.images:,} counted, {contents.samples:,} in the tars")
    told = "CASE WHEN json_valid(decode(f.json)) THEN json_extract_string(decode(f.json), '$.{}') END"
    for name, key, stated in (
        ("images per split", "split", [row[:2] for row in facts.splits]),
        ("images per licence", "license_id", [row[:2] for row in facts.licences]),
    ):
        query = f"SELECT coalesce(nullif({told.format(key)}, ''), 'unknown'), count(*) FROM found f GROUP BY 1"
        counted = dict(run.rows(query))
        if counted != dict(stated):
            found.add(name, f"{dict(stated)} counted, {counted} in the tars")
    try:
        listed = {entry["@id"]: entry for entry in read_json(run.folder.root / CROISSANT)["distribution"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        found.add(CROISSANT, f"its distribution cannot be read: {error}")
        return
    actual = {f"shards/{name}": stated for name, stated in contents.digests.items()}
    for path in sorted(listed.keys() | actual.keys()):
        _listed(run.folder.root, path, listed.get(path), actual.get(path), found)


def _listed(root: Path, path: str, entry: Any, walked: tuple[str, int] | None, found: Findings) -> None:
    if entry is None:
        found.add(f"{CROISSANT} does not list {path}")
        return
    try:
        digest, size = walked or (file_digest(root / path), (root / path).stat().st_size)
    except VerifyError as error:
        found.add(f"{CROISSANT}, {path}", error.what)
        return
    if (entry.get("sha256"), entry.get("contentSize")) != (digest, f"{size} B"):
        found.add(f"{CROISSANT}, {path}", f"{json.dumps(entry)[:200]}, but it has {size} bytes and sha256 {digest}")
