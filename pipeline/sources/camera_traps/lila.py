"""LILA BC: the tables of image addresses and labels of camera trap data sets; one record per image and label.

An image that shows two species has two rows, and so two records of one medium. `source_record_id` is the image id and
the label; the media key is `lila:` and the image id, so that a benchmark's list of ids needs the image id alone. Names
and ranks are in lower case there, and capitalised here. Labels that are no animal end here: LILA lists pictures of
people but does not publish them. The tables state no licence: it is the recipe's (`license` of the source) or unknown.
Source: https://lila.science/image-access.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.recipe import SourceSpec
from manifests.tables import Dialect, read_header
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS, RANK_COLUMNS
from pipeline.sources.camera_traps.deployments import known_keys, label_endings
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.endings import Ending, Keys, end_rows
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.release.archive import open_archive
from pipeline.sources.release.base import Mapped, Native, Plan, Release, Split
from pipeline.sources.text import delimited
from pipeline.sources.text.files import TextFile, cut_files, dialect_of, pack, unpack

URL_COLUMNS = ("url_gcp", "url_aws", "url_azure")
"""Copies of the same image, in the order in which the first non-empty one is taken."""
COLUMNS = (
    *("dataset_name", *URL_COLUMNS, "image_id", "sequence_id", "location_id", "original_label", "scientific_name"),
    *("common_name", "datetime", "annotation_level", *RANK_COLUMNS, "cls"),
)
"""`cls` is what derived tables call the column `class`."""
_REQUIRED = ("image_id", "original_label")
_TABLE = "labels"
_CSV = Dialect(",", quoted=True)
_HEAD = 1 << 20


def is_image_table(columns: Collection[str]) -> bool:
    """Return whether columns are those of LILA's image tables.

    >>> is_image_table(["image_id", "url"])
    False
    """
    return all(name in columns for name in _REQUIRED) and any(name in columns for name in URL_COLUMNS)


class Lila:
    """Reader of LILA's image tables: a CSV, plain, gzipped or in a zip, or a folder of them."""

    kind = "lila"

    def inspect(self, spec: SourceSpec) -> Release:
        """Find the tables; raises SourceError when no CSV has the columns of LILA's."""
        archive = open_archive(Path(spec.path))
        files, seen = [], []
        for member in archive.members:
            if archive.kind in ("file", "gzip") or member.base.lower().endswith((".csv", ".csv.gz")):
                header = read_header(archive.head(member, _HEAD), _CSV)
                seen.append(archive.origin(member))
                if is_image_table(header.columns):
                    files.append(TextFile(_TABLE, member.name, header.start, header.columns, _CSV))
        if not files:
            raise SourceError(
                "no table has the columns of LILA's image tables" if seen else "there is no CSV",
                where=", ".join(seen[:5]) or spec.path,
                expected=f"{', '.join(_REQUIRED)} and one of {', '.join(URL_COLUMNS)}",
                remedy="name a CSV with LILA's image URLs and labels, or a folder of them, as `path` of this source",
            )
        paths = archive.files({file.member for file in files})
        name = Path(spec.path).resolve().name.split(".")[0]
        return Release(spec, spec.release or name, paths, facts={"files": pack(files)})

    def plan(self, release: Release, spool: Path, target_bytes: int = 16 << 20) -> Plan:
        """Cut the tables, unpacking them into `spool` where they are packed."""
        archive = open_archive(Path(release.spec.path))
        return Plan(cut_files(archive, unpack(release.facts["files"]), spool, target_bytes))

    def read(self, split: Split, release: Release) -> Native:
        """Read one range of one table."""
        dialect = dialect_of(release.facts["files"], split.table)
        return delimited.parse(split, dialect, source=release.spec.name, wanted=COLUMNS)

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Return one record per image and label; labels that are no animal end as human, vehicle or blank."""
        table = tables[_TABLE].combine_chunks()
        image_id, label = c.text(table, "image_id"), c.text(table, "original_label")
        endings = [
            Ending(Outcome.ID_MISSING, c.is_null(image_id), "the row has no image_id", label),
            *label_endings(label, (label, c.text(table, "scientific_name"))),
            Ending(Outcome.NO_URL, c.is_null(_url(table)), "the image is at none of the three addresses", image_id),
        ]
        left, ended = end_rows(table, endings, Keys(_record_ids(table), image_id), release.spec.name, _TABLE)
        return Mapped(_records(table.filter(pa.array(left)), release), ended, absorbed=0)


def _record_ids(table: pa.Table) -> pa.Array:
    label = pc.fill_null(c.text(table, "original_label"), "")
    return pc.binary_join_element_wise(c.text(table, "image_id"), label, " # ")


def _url(table: pa.Table) -> pa.Array:
    """Return the first address that is not empty; LILA's paths hold blanks, which no URL does."""
    return pc.replace_substring(c.first_of(*(c.text(table, name) for name in URL_COLUMNS)), " ", "%20")


def _names(table: pa.Table) -> dict[str, pa.Array]:
    """Return scientific_name, rank_verbatim and the ranks; a row that states no name is named at its lowest rank."""
    given = {rank: c.text(table, rank) for rank in RANK_COLUMNS}
    given["class"] = c.first_of(given["class"], c.text(table, "cls"))
    ranks = {rank: c.capitalised(values) for rank, values in given.items()}
    ranks["species"] = c.capitalised(c.binomials(ranks["genus"], given["species"]))
    stated = c.capitalised(c.text(table, "scientific_name"))
    name = c.first_of(stated, *reversed(ranks.values()))
    rank = pa.nulls(table.num_rows, pa.string())
    for label, values in reversed(ranks.items()):
        rank = pc.if_else(pc.and_(pc.is_null(rank), pc.fill_null(pc.equal(values, name), False)), label, rank)
    return {"scientific_name": name, "rank_verbatim": rank, **ranks}


def _records(table: pa.Table, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    image_id, url = c.text(table, "image_id"), _url(table)
    keys = pc.binary_join_element_wise("lila", image_id, ":")
    prefix = pc.struct_field(pc.extract_regex(image_id, r"^(?P<name>.+?) : "), "name")
    kinds, masks, _ = c.media_columns(c.constant("StillImage", rows), pa.nulls(rows, pa.string()), url)
    licence, licence_masks = c.licence_columns([("default", c.constant(spec.license, rows))], keys)
    names = _names(table)
    sequence = known_keys(c.text(table, "sequence_id"))
    event, event_masks = event_columns(c.text(table, "datetime"))
    dataset = c.first_of(c.text(table, "dataset_name"), prefix)
    location = known_keys(c.text(table, "location_id"))
    # A data set that states no locations has its own name in their place.
    nowhere = pc.fill_null(pc.or_(pc.equal(location, prefix), pc.equal(location, dataset)), False)
    empty = pa.repeat(pa.scalar(""), rows)
    masks = {
        **masks,
        **licence_masks,
        **event_masks,
        "NAME_EMPTY": c.is_null(names["scientific_name"]),
        "LABEL_OF_SEQUENCE": c.equals(table, "annotation_level", "sequence"),
        "LABEL_LEVEL_UNKNOWN": ~np.isin(
            np.asarray(pc.fill_null(pc.utf8_lower(c.text(table, "annotation_level")), "").to_pylist(), dtype=str),
            ["image", "sequence"],
        ),
        "SEQUENCE_UNKNOWN": c.is_null(sequence),
    }
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": _record_ids(table),
        "source_media_id": image_id,
        "box_id": empty,
        "occurrence_key": c.first_of(sequence, image_id),
        "sequence_key": sequence,
        "location_key": pc.if_else(nowhere, None, location),
        "dataset_key": dataset,
        "publisher": c.constant("LILA BC", rows),
        "media_url": url,
        "media_path": empty,
        "media_key": keys,
        **kinds,
        **licence,
        **names,
        "vernacular_name": c.text(table, "common_name"),
        "basis_of_record": c.constant("MACHINE_OBSERVATION", rows),
        "image_category": c.constant("camera_trap", rows),
        **event,
        "issues": c.issue_lists(masks, rows),
        **{n: table.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)
