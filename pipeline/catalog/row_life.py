"""One row's whole life, from its source file to its place in a shard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import duckdb

from pipeline.catalog.asked import Asked, ask, lost_files
from pipeline.catalog.explained import ALIKE, MEDIA, SAME_MEDIUM, explained
from pipeline.choosing.told import sentence
from pipeline.losses.name_fall import fall_sql
from pipeline.media.media_schema import MEASURES
from pipeline.model.errors import RunError
from pipeline.model.outcomes import Outcome
from pipeline.model.records import RANK_COLUMNS
from pipeline.model.visible import on_one_line
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements

_MEANING = {outcome.code: outcome.info.meaning for outcome in Outcome}
_LIST = 'list ids with: biomill sql RUN "SELECT row_id, outcome FROM ledger LIMIT 10"'
_MOST = 9
"""Neighbours that are listed, the nearest first."""
_NAME_SHOWN = frozenset(
    (
        *("name_id", "scientific_name", "match_type", "taxonomic_status", "usage_id", "usage_name", "accepted_name"),
        *("accepted_id", "accepted_rank", "confidence", "runner_up_name", "runner_up_id", "n_candidates", "issues"),
        *("hint_agreement", "taxonomy_build", "vernacular_language", *RANK_COLUMNS, *(f"{r}_id" for r in RANK_COLUMNS)),
    )
)
_TRIED_SHOWN = frozenset({"record_id", "source", "place", "address", "image_id", "outcome"})
_SQL = Statements(__name__)


_PASSED = (
    (
        "screen",
        "passed; to be had from {host}",
        "SELECT host FROM read_parquet('screen/candidates/*.parquet') WHERE record_id = ?",
    ),
    ("fetch", "arrived", "SELECT record_id FROM read_parquet('fetch/arrived/*.parquet') WHERE record_id = ?"),
    ("likeness", "kept", "SELECT record_id FROM read_parquet('likeness/kept/*.parquet') WHERE record_id = ?"),
    ("select", "selected for {split}", "SELECT split FROM decisions WHERE record_id = ?"),
)
"""Stages that let a row go on, what is said of it, and where it stands then."""


def _one(con: Asked, query: str, *values: object) -> dict[str, Any] | None:
    rows = _many(con, query, *values)
    return rows[0] if rows else None


def _many(con: Asked, query: str, *values: object) -> list[dict[str, Any]]:
    """Return the rows of a query; none where it asks for what no stage has made yet."""
    there = con.reads(query)
    if there is None:
        return []
    cursor = con.con.execute(there, list(values))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _find(con: Asked, wanted: str) -> list[str]:
    """Return the ids of the ledger rows that `wanted` names: an id or its beginning, or the source's own key."""
    found = _many(con, _SQL("found"), wanted)
    return [row["row_id"] for row in found]


def _lines(title: str, values: dict[str, Any], *names: str) -> Iterator[str]:
    # A cell may hold line breaks; one fact stays on one line.
    shown = [
        f"{name} {' '.join(str(values[name]).split())}" for name in names if values.get(name) not in (None, "", [])
    ]
    if shown:
        yield f"{title:<10} {'; '.join(shown)}"


def _record(con: Asked, row_id: str) -> Iterator[str]:
    record = _one(con, "SELECT * FROM records WHERE record_id = ?", row_id)
    for place in _many(con, "SELECT * FROM origins WHERE row_id = ? ORDER BY ALL", row_id):
        byte = f", byte {place['locator_offset']}" if (place["locator_offset"] or -1) >= 0 else ""
        yield f"{'file':<10} {place['locator_file']}, row {place['locator_row']}{byte}"
    if record is None:
        return
    yield from _lines("record", record, "source", "release", "source_record_id", "source_media_id", "box_id")
    yield from _lines("rights", record, "license_verbatim", "license_id", "license_source", "rights_holder", "creator")
    yield from _lines("issues", {"codes": ", ".join(record["issues"] or [])}, "codes")
    name = _one(con, "SELECT * FROM names WHERE name_id = ?", record["name_id"])
    if name:
        yield from _lines("name", name, "scientific_name", "match_type", "taxonomic_status", "usage_name")
        yield from _lines("accepted", name, "accepted_name", "accepted_id", "accepted_rank", "confidence")
        yield from _lines("doubts", name, "runner_up_name", "runner_up_id", "n_candidates", "hint_agreement", "issues")
        yield from _lines("lineage", name, *RANK_COLUMNS)
        # What a taxonomy's matcher says beyond that is shown under its own names.
        yield from _lines("matching", name, *(column for column in name if column not in _NAME_SHOWN))
        yield from _lines("taxonomy", name, "taxonomy_build")
    for other in _many(con, SAME_MEDIUM, row_id)[:_MOST]:
        speaks = ", speaks for the medium" if other["speaks"] else ""
        yield f"{'medium of':<10} {other['record_id']} ({other['source']}): {other['outcome']}{speaks}"


def _fell(root: Place, con: Asked, row_id: str) -> Iterator[str]:
    sources = json.loads(read_json(root / "manifest.json")["resolved"])["taxonomy"]["sources"]
    query = f"SELECT {fall_sql('n', sources)} AS name FROM names n JOIN records USING (name_id) WHERE record_id = ?"
    for name in _many(con, query, row_id)[:1]:
        if name["name"]:
            yield f"{'name fell':<10} {name['name']}"


def _media(con: Asked, row_id: str) -> Iterator[str]:
    media = _one(con, MEDIA, row_id)
    for tried in _many(con, "SELECT * FROM attempts WHERE record_id = ? ORDER BY place", row_id):
        more = "; ".join(
            f"{column} {value}"
            for column, value in tried.items()
            if column not in _TRIED_SHOWN and value not in (None, "")
        )
        yield f"{'tried':<10} {tried['address']}: {tried['outcome'] or 'arrived'}{more and f' ({more})'}"
    if media is None:
        if "fetch" in con.standing.done:
            yield f"{'media':<10} never asked for"
        return
    yield from _lines("media", media, "address", "outcome", "detail", "bytes", "sha256")
    yield from _lines("image", media, "image_id", "format", "source_width", "source_height", "width", "height")
    yield from _lines("hashes", media, "pdq", "quality", "phash", "pixel_sha256")
    yield from _lines("measures", media, *MEASURES)


def _outcome(root: Place, con: Asked, row_id: str) -> Iterator[str]:
    for leak in _many(con, "SELECT * FROM leaks WHERE record_id = ? ORDER BY ALL", row_id):
        yield from _lines("leak", leak, "benchmark", "item", "rule", "distance", "phash_distance", "variant")
    cluster = _one(con, "SELECT * FROM clusters WHERE record_id = ?", row_id)
    if cluster:
        others = _many(con, ALIKE, cluster["cluster_id"], row_id)
        for other in others[:_MOST]:
            far = "" if other["distance"] is None else f" at Hamming distance {other['distance']}"
            proof = f" {other['evidence']}" if other["evidence"] else ""
            yield f"{'alike':<10} {other['record_id']} ({other['source']}){far}: {other['outcome']}{proof}"
        if len(others) > _MOST:
            yield f"{'alike':<10} and {len(others) - _MOST:,} more"
    ledger = _one(con, "SELECT * FROM ledger WHERE row_id = ?", row_id)
    if ledger:
        yield f"{'outcome':<10} {ledger['outcome']} (stage {ledger['stage']}): {_MEANING[ledger['outcome']]}"
        if ledger["evidence"]:
            proof = json.loads(ledger["evidence"])
            yield f"{'evidence':<10} {'; '.join(f'{key}: {proof[key]}' for key in sorted(proof))}"
            if ledger["outcome"] in (Outcome.NOT_SELECTED.code, Outcome.QUALITY.code):
                resolved = json.loads(read_json(root / "manifest.json")["resolved"])
                yield f"{'choice':<10} {sentence(proof, resolved)}"
        if ledger["other_id"]:
            yield f"{'other':<10} {ledger['other_id']}"
        if ledger["raw"]:
            yield f"{'raw':<10} {ledger['raw'][:200]!r}"
    sample = _one(con, "SELECT * FROM samples WHERE record_id = ?", row_id)
    if sample:
        yield from _lines("sample", sample, "key", "shard", "offset", "length", "split", "weight", "group_id")
        yield from _lines("jpeg", sample, "jpg_offset", "jpg_length", "jpeg_sha256")


def _open(con: Asked, row_id: str) -> Iterator[str]:
    """Yield where a row stands whose life has not come to its end, and what makes it go on."""
    if con.standing.complete or _one(con, "SELECT outcome FROM ledger WHERE row_id = ?", row_id):
        return
    for stage, word, query in _PASSED:
        found = _one(con, query, row_id)
        if found:
            yield f"{stage:<10} {word.format(**found)}"
    yield f"{'outcome':<10} not decided yet: {con.standing.sentence()}"
    yield f"{'then':<10} {con.standing.remedy()}"


def row_id_of(con: Asked, root: Place, wanted: str) -> str:
    """Return the id of the row that is meant; raises RunError when no row, or more than one, is."""
    found = _find(con, wanted)
    if not found:
        raise RunError(
            f"no row has the id {wanted!r}",
            where=str(root),
            expected="a row_id of the ledger, its beginning, or a source's own record, media or box key",
            remedy=_LIST if con.standing.complete else f"{_LIST}; {con.standing.sentence()}",
        )
    exact = [row_id for row_id in found if row_id == wanted]
    if len(found) > 1 and not exact:
        raise RunError(f"{wanted!r} means {len(found)} rows or more", expected="one of " + ", ".join(found[:5]))
    return (exact or found)[0]


def explain(root: Place, wanted: str) -> Iterator[str]:
    """Yield the lines that tell one row's life; `wanted` is its id, the beginning of it, or the source's own key.

    Raises RunError when no row, or more than one, is meant.
    """
    with ask(root) as con:
        try:
            row_id = row_id_of(con, root, wanted)
            yield f"{'row':<10} {row_id}"
            for part in (_record, partial(_fell, root), _media, partial(_outcome, root), _open):
                yield from map(on_one_line, part(con, row_id))
        except duckdb.IOException as error:
            raise lost_files(con.standing, error) from error


def explain_facts(root: Place, wanted: str) -> dict[str, Any]:
    """Return the same as plain data, and what the lines shorten whole; raises as `explain` does."""
    with ask(root) as con:
        try:
            facts = explained(partial(_many, con), row_id_of(con, root, wanted))
        except duckdb.IOException as error:
            raise lost_files(con.standing, error) from error
        here = con.standing
        told = None if here.complete else {"sentence": here.sentence(), "remedy": here.remedy()}
        return {**facts, "standing": told}
