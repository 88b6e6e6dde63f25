"""BIOSCAN-1M Insect: one metadata TSV of 28 columns, and images in 113 numbered parts.

Images lie at `part{chunk_number}/{image_file}` below the folder of their package; as a local store serve that folder,
its zip (`cropped_256.zip`) or a folder of the parts' zips (`bioscan_images_cropped_full_part{n}.zip`). Missing values
are written `not_classified`. All specimens are in BIOSCAN-5M too: both releases give a specimen the same media key, so
that it counts once. Source: Gharaee et al. 2023, A Step Towards Worldwide Biodiversity Assessment: The BIOSCAN-1M
Insect Dataset, and the published loaders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.tables import Dialect
from pipeline.model.ids import ended_id
from pipeline.model.outcomes import Outcome
from pipeline.sources.bioscan.bioscan_metadata import (
    HOLDER,
    SAFE_NAME,
    BioscanMetadata,
    MetadataLayout,
    bin_id,
    lowest_name,
    named,
    specimen_columns,
    specimen_keys,
)
from pipeline.sources.mapping import columns as c
from pipeline.sources.release.base import Mapped, Release

SPLIT_COLUMNS = (
    *("large_diptera_family", "medium_diptera_family", "small_diptera_family"),
    *("large_insect_order", "medium_insect_order", "small_insect_order"),
)
METADATA_COLUMNS = (
    *("sampleid", "processid", "uri", "name", "phylum", "class", "order", "family", "subfamily", "tribe", "genus"),
    *("species", "subspecies", "nucraw", "image_file", *SPLIT_COLUMNS, "chunk_number", "copyright_license"),
    *("copyright_holder", "copyright_institution", "copyright_contact", "photographer", "author"),
)
_WANTED = tuple(name for name in METADATA_COLUMNS if name not in ("sampleid", "name", "copyright_contact", "author"))
"""What is read; the contact is a mail address and is not carried over."""
LICENCE = "CC-BY-NC-SA-4.0"
"""The licence under which BIOSCAN-1M is published, for rows that state none."""
_RANKS = ("subspecies", "species", "genus", "tribe", "subfamily", "family", "order", "class", "phylum")
_CHUNK = re.compile(r"0*([1-9]\d{0,3})(?:\.0)?")
_LAYOUT = MetadataLayout(
    Dialect("\t"),
    (".tsv", ".tsv.gz"),
    METADATA_COLUMNS,
    ("processid", "image_file"),
    "BIOSCAN_Insect_Dataset_metadata.tsv",
    "use the metadata TSV of BIOSCAN-1M; that of BIOSCAN-5M is of kind bioscan5m",
)


class Bioscan1M(BioscanMetadata):
    """Reader of the BIOSCAN-1M metadata: a TSV, plain, gzipped or in a zip, or the folder that holds it."""

    kind = "bioscan1m"

    layout = _LAYOUT
    wanted = _WANTED

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Return one record per specimen; rows without processid end as id_missing, without image_file as no_media."""
        table = tables["metadata"].combine_chunks()
        source = release.spec.name
        known = np.asarray(pc.fill_null(pc.match_substring_regex(c.text(table, "processid"), SAFE_NAME), False))
        pictured = np.asarray(pc.fill_null(pc.match_substring_regex(named(table, "image_file"), SAFE_NAME), False))
        ended = []
        for outcome, mask, column, rule in (
            (Outcome.ID_MISSING, ~known, "processid", "the row has no processid that can name a specimen"),
            (Outcome.NO_MEDIA, known & ~pictured, "image_file", "the row has no image_file that can name a file"),
        ):
            part = table.filter(pa.array(mask))
            row_ids = [ended_id(source, "metadata", text) for text in c.row_texts(part)]
            values = [(value or "")[:200] for value in part.column(column).to_pylist()]
            ended.append(c.ended_rows(part, source, outcome, row_ids, [{"rule": rule, "value": v} for v in values]))
        good = table.filter(pa.array(known & pictured))
        return Mapped(_records(good, release), pa.concat_tables(ended), absorbed=0)


def image_path(chunk_number: str, image_file: str) -> str:
    """Return the path of an image inside its package; without a chunk, the file itself.

    >>> image_path("7", "4277393.jpg"), image_path("113.0", "a.jpg"), image_path("", "a.jpg")
    ('part7/4277393.jpg', 'part113/a.jpg', 'a.jpg')
    """
    chunk = _CHUNK.fullmatch(chunk_number)
    return f"part{chunk[1]}/{image_file}" if chunk else image_file


def split_hint(*values: str) -> str:
    """Return the six experiments' splits as one text: what is not in an experiment is left out.

    >>> split_hint("train", "", "not_classified", "test", "no_split", "")
    'large_diptera_family=train;large_insect_order=test'
    """
    stated = zip(SPLIT_COLUMNS, values, strict=True)
    return ";".join(f"{name}={value}" for name, value in stated if value not in ("", "not_classified", "no_split"))


def _records(table: pa.Table, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    processid, file = c.text(table, "processid"), c.text(table, "image_file")
    chunk = pc.fill_null(c.text(table, "chunk_number"), "").to_pylist()
    paths = [image_path(*pair) for pair in zip(chunk, file.to_pylist(), strict=True)]
    names = {rank: named(table, rank) for rank in _RANKS}
    name, rank = lowest_name(names)
    keys = specimen_keys(processid)
    licence, masks = c.licence_columns(
        (("media", named(table, "copyright_license")), ("default", c.constant(spec.license or LICENCE, rows))), keys
    )
    hints, index = c.per_distinct(split_hint, *(c.text(table, column) for column in SPLIT_COLUMNS))
    masks = {
        **masks,
        "NAME_EMPTY": c.is_null(name),
        "CHUNK_MISSING": np.array([not _CHUNK.fullmatch(value) for value in chunk], dtype=bool),
    }
    columns = {
        **specimen_columns(table, processid, release),
        "media_path": pa.array(paths, pa.string()),
        **licence,
        "rights_holder": c.first_of(
            named(table, "copyright_holder"), named(table, "copyright_institution"), c.constant(HOLDER, rows)
        ),
        "creator": named(table, "photographer"),
        "scientific_name": name,
        "rank_verbatim": rank,
        **{r: names[r] for r in ("phylum", "class", "order", "family", "genus", "species")},
        "taxon_id": bin_id(named(table, "uri")),
        "dna_bin": named(table, "uri"),
        "dna_barcode": named(table, "nucraw"),
        "split_hint": c.take(hints, index),
        "issues": c.issue_lists(masks, rows),
    }
    return c.records(columns, rows)
