"""Answers of GBIF's occurrence search: a folder of pages, or records as JSON lines, mapped exactly as a download is.

A search answer is a sample, not a release: it has no DOI, its licence is stated per record only, and its taxon keys are
those of the GBIF Backbone unless release.json names another checklist that the records were classified by.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from pipeline.model.errors import SourceError
from pipeline.sources.darwin_core import gbif_map
from pipeline.sources.darwin_core.gbif import BUCKET_BYTES
from pipeline.sources.darwin_core.gbif_flat import PLACE_COLUMNS, TABLES, flatten
from pipeline.sources.mapping.parquet_rows import cut_rows, malformed, read_rows
from pipeline.sources.release.archive import Archive, Member, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.release.release_note import RELEASE_NOTE, read_release_note
from pipeline.storage.files.atomic import atomic_path

_STATE = "pull.json"
_ENDINGS = (".json", ".jsonl", ".ndjson")
_BYTES_PER_ROW = 768


class GbifPages:
    """Reader of what `biomill pull gbif-pages` spools: page-000000.json ..., or any JSON lines of the same records."""

    kind = "gbif-pages"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the pages; raises SourceError when there are none, or when their pull was not finished."""
        path = Path(spec.path)
        archive = open_archive(path)
        members = _members(archive)
        if not members:
            raise SourceError(
                "there are no pages",
                where=spec.path,
                expected="page-000000.json and so on, or a .jsonl file with one record per line",
                remedy="fetch them with biomill pull gbif-pages",
            )
        _check_finished(path)
        note = read_release_note(path)
        files = archive.files()
        if archive.kind == "folder":
            named = [member.stored_as for member in members] + ([RELEASE_NOTE] if note else [])
            files = tuple(sorted(str((path / name).resolve()) for name in named))
        name = spec.release or (note.name if note else "") or path.name.split(".")[0]
        return Release(spec, name, files, facts={"checklist": note.checklist} if note else {})

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Flatten all pages into two Parquet files in `spool`, and cut them into row ranges."""
        archive = open_archive(Path(release.spec.path))
        members = _members(archive)
        identity = hashlib.sha256(
            "\n".join([*map(archive.identity, members), release.facts.get("checklist", "")]).encode()
        ).hexdigest()[:24]
        targets = {name: spool / f"{identity}-{name}.parquet" for name in TABLES}
        if not all(target.exists() for target in targets.values()):
            with ExitStack() as stack:
                paths = {name: stack.enter_context(atomic_path(target)) for name, target in targets.items()}
                flatten(archive, members, paths, release.facts.get("checklist", ""))
        splits: list[Split] = []
        for name, columns in TABLES.items():
            splits += cut_rows(
                targets[name],
                table=name,
                origin=archive.path.name,
                columns=columns,
                target_bytes=target_bytes,
                row_bytes=_BYTES_PER_ROW,
            )
        rows = sum(split.rows for split in splits)
        return Plan(tuple(splits), join_key="gbifID", buckets=max(1, math.ceil(rows * _BYTES_PER_ROW / BUCKET_BYTES)))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one table; its locators name the page and the record in it."""
        table = read_rows(split)
        for name, source in (("locator_file", "file"), ("locator_row", "element")):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.field(at), table.column(source).cast(table.field(at).type))
        broken = pc.is_valid(table.column("malformed"))
        bad = table.filter(broken)
        texts = bad.column("malformed").combine_chunks()
        ended = malformed(bad, release.spec.name, split.table, ["NOT_AN_OBJECT"] * bad.num_rows, texts)
        return Native(table.filter(pc.invert(broken)).drop_columns(list(PLACE_COLUMNS)), ended)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Join media to their records, as for a download."""
        return gbif_map.map_bucket(tables, release)


def _members(archive: Archive) -> list[Member]:
    if archive.kind in ("file", "gzip"):
        return list(archive.members)
    return [
        member
        for member in archive.members
        if member.base.lower().removesuffix(".gz").endswith(_ENDINGS) and member.base not in (RELEASE_NOTE, _STATE)
    ]


def _check_finished(path: Path) -> None:
    state = path / _STATE
    if not state.is_file():
        return
    try:
        done = json.loads(state.read_text(encoding="utf-8")).get("done") is True
    except (ValueError, AttributeError) as error:
        raise SourceError("the state of the pull cannot be read", where=str(state), remedy="pull again") from error
    if not done:
        raise SourceError(
            "the pull of these pages was not finished",
            where=str(path),
            remedy="run the same biomill pull gbif-pages again: it goes on where it stopped",
        )
