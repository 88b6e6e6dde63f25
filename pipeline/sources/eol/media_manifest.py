"""The Encyclopedia of Life: a media manifest in numbered CSV parts, named through the Dynamic Hierarchy.

Only the first part of each type has a header, owners hold line breaks and quotes, images, videos and sounds share one
numbering, and content ids change between releases while page ids stay. Names come by page id from the hierarchy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from manifests.tables import BOM, Dialect, read_header, split_line, unique_names
from pipeline.model.errors import SourceError
from pipeline.model.ids import ended_id, record_id
from pipeline.model.media_keys import page_media_key
from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS, RANK_COLUMNS
from pipeline.sources.eol.eol_hierarchy import build_pages, find_taxa, look_up
from pipeline.sources.mapping import columns as c
from pipeline.sources.release.archive import Member, open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, cut_files, dialect_of, pack, unpack

MANIFEST_COLUMNS = (
    *("EOL content ID", "EOL page ID", "Medium Source URL", "EOL Full-Size Copy URL", "License Name"),
    "Copyright Owner",
)
_TYPES = {"manifest": "StillImage", "video_manifest": "MovingImage", "audio_manifest": "Sound"}
_CSV = Dialect(",", quoted=True)
_HEAD = 1 << 20
_MAP = r"(?:range|distribution|dist|verbreitungs?)[ _\-]?(?:map|karte)|[_\- ]map\.(?:png|svg|gif)"


class EolManifest:
    """Reader of EOL's media manifest: a tgz, a zip, a folder of parts or one CSV file."""

    kind = "eol"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the parts and their headers; raises SourceError when there are none, or the hierarchy is missing."""
        archive = open_archive(Path(spec.path))
        parts = [
            m
            for m in archive.members
            if m.base.lower().endswith((".csv", ".csv.gz")) or archive.kind in ("file", "gzip")
        ]
        if not parts:
            raise SourceError(
                "there is no media manifest",
                where=spec.path,
                expected="media_manifest_1.csv and so on",
                remedy="name the manifest's tgz, its folder or one CSV part as `path` of this source",
            )
        parts.sort(key=lambda member: (_table(member), _number(member), member.name))
        heads = {member.name: archive.head(member, _HEAD) for member in parts}
        columns = {_table(m): _header(heads[m.name]) for m in reversed(parts) if _header(heads[m.name])}
        files = []
        for member in parts:
            own = _header(heads[member.name])
            start = read_header(heads[member.name], _CSV, lines=1 if own else 0).start
            names = own or columns.get(_table(member)) or MANIFEST_COLUMNS
            files.append(TextFile(_table(member), member.name, start, names, _CSV))
        facts = {"files": pack(files), "parts_missing": ",".join(map(str, _gaps(parts)))}
        inputs = archive.files({member.name for member in parts})
        if spec.hierarchy:
            taxa, member = find_taxa(Path(spec.hierarchy))
            table = taxa.path / member.stored_as if taxa.kind == "folder" else taxa.path
            inputs += (str(table.resolve()),)
            state = table.stat()
            identity = f"{table.resolve()}\n{state.st_size}\n{state.st_mtime_ns}"
            facts["pages"] = f"pages-{hashlib.sha256(identity.encode()).hexdigest()[:24]}.parquet"
        return Release(spec, spec.release or Path(spec.path).name.split(".")[0], inputs, facts=facts)

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Unpack and cut the parts, and write the hierarchy's side table into `spool`."""
        pages = release.facts.get("pages")
        if pages and not (spool / pages).exists():
            build_pages(Path(release.spec.hierarchy), spool, spool / pages)
        archive = open_archive(Path(release.spec.path))
        return Plan(cut_files(archive, unpack(release.facts["files"]), spool, target_bytes))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one part."""
        dialect = dialect_of(release.facts["files"], split.table)
        return delimited.parse(split, dialect, source=release.spec.name, wanted=MANIFEST_COLUMNS)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Return one record per manifest row; rows without ids end as id_missing, without a copy's URL as no_url."""
        mapped = [_map(name, tables[name].combine_chunks(), release) for name in sorted(tables)]
        return Mapped(
            pa.concat_tables([m.records for m in mapped]), pa.concat_tables([m.ended for m in mapped]), absorbed=0
        )


def _table(member: Member) -> str:
    """Name the native table of a part, which says what its media are."""
    name = member.base.lower()
    if name.startswith("video"):
        return "video_manifest"
    return "audio_manifest" if name.startswith(("audio", "sound")) else "manifest"


def _number(member: Member) -> int:
    digits = re.findall(r"\d+", member.base)
    return int(digits[-1][:9]) if digits else 0


def _gaps(parts: list[Member]) -> list[int]:
    """Return the part numbers that are missing: the types share one numbering."""
    present = {_number(member) for member in parts} - {0}
    top = max(present, default=0)
    return [number for number in range(1, top) if number not in present][:1000] if top <= 1_000_000 else []


def _header(head: bytes) -> tuple[str, ...]:
    """Return the columns if the first line is a header, in whatever order; nothing if it is a row."""
    line = head.removeprefix(BOM).split(b"\n", 1)[0]
    known = {re.sub(r"\W", "", name.lower()): name for name in MANIFEST_COLUMNS}
    cells = split_line(line, _CSV)
    names = [known.get(re.sub(r"\W", "", cell.lower()), cell) for cell in cells]
    return unique_names(names) if "EOL content ID" in names or "EOL page ID" in names else ()


def _map(name: str, table: pa.Table, release: Release) -> Mapped:
    source = release.spec.name
    content, page = c.text(table, "EOL content ID"), c.text(table, "EOL page ID")
    nameless = c.is_null(content) | c.is_null(page)
    unaddressed = c.is_null(c.text(table, "EOL Full-Size Copy URL")) & ~nameless
    without_id, without_url = table.filter(pa.array(nameless)), table.filter(pa.array(unaddressed))
    ended = [
        c.ended_rows(
            without_id,
            source,
            Outcome.ID_MISSING,
            [ended_id(source, name, text) for text in c.row_texts(without_id)],
            [{"rule": "the row has no content id or no page id", "value": name}] * without_id.num_rows,
        ),
        c.ended_rows(
            without_url,
            source,
            Outcome.NO_URL,
            [
                record_id(source, *keys)
                for keys in zip(
                    page.filter(pa.array(unaddressed)).to_pylist(),
                    content.filter(pa.array(unaddressed)).to_pylist(),
                    strict=True,
                )
            ],
            [
                {"rule": "the row has no full-size copy", "value": url or ""}
                for url in c.text(without_url, "Medium Source URL").to_pylist()
            ],
        ),
    ]
    return Mapped(_records(name, table.filter(pa.array(~nameless & ~unaddressed)), release), pa.concat_tables(ended), 0)


def _records(name: str, table: pa.Table, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    page, origin, url = (c.text(table, n) for n in ("EOL page ID", "Medium Source URL", "EOL Full-Size Copy URL"))
    keys = pa.array(
        [page_media_key(*pair) for pair in zip(origin.to_pylist(), url.to_pylist(), strict=True)], pa.string()
    )
    kinds, masks, _ = c.media_columns(c.constant(_TYPES[name], rows), pa.nulls(rows, pa.string()), url)
    is_map = c.contains(origin, _MAP) & np.asarray(pc.equal(kinds["media_type"], "StillImage"))
    kinds["media_type"] = pc.if_else(pa.array(is_map), "Map", kinds["media_type"])
    licence, licence_masks = c.licence_columns(
        (("media", c.text(table, "License Name")), ("default", c.constant(spec.license, rows))), keys
    )
    named = _named(page, release)
    masks = {**masks, **licence_masks, "PAGE_UNKNOWN": c.is_null(c.verbatim(named, "page_id"))}
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": page,
        "source_media_id": c.text(table, "EOL content ID"),
        "box_id": pa.repeat(pa.scalar(""), rows),
        "occurrence_key": keys,
        "media_url": url,
        "media_path": pa.repeat(pa.scalar(""), rows),
        "media_key": keys,
        **kinds,
        **licence,
        "rights_holder": c.text(table, "Copyright Owner"),
        "source_page": origin,
        **{n: c.verbatim(named, n) for n in ("scientific_name", "name_authorship", "rank_verbatim", *RANK_COLUMNS)},
        "taxon_id": pc.binary_join_element_wise("eol", page, ":"),
        "image_category": c.constant("unknown", rows),
        "issues": c.issue_lists(masks, rows),
        **{n: table.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)


def _named(page: pa.Array, release: Release) -> pa.Table:
    """Return the hierarchy's row of each page."""
    pages, spool = release.facts.get("pages"), release.facts.get("spool")
    if not pages:
        return pa.table({"page_id": pa.nulls(len(page), pa.string())})
    if not spool or not (Path(spool) / pages).exists():
        raise SourceError(
            "the hierarchy's side table is not where it was planned to be",
            where=str(Path(spool or ".") / pages),
            expected="the folder that `plan` wrote to, as facts['spool'] of the release",
            remedy="run the ingest stage again from its start",
        )
    return look_up(Path(spool) / pages, page)
