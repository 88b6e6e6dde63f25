"""The canonical record: one row = one record x one medium x at most one box.

This schema is the single source for Parquet, the catalog and a sample's JSON. Terms are Darwin Core, Dublin Core and
Audubon Core where such a term exists; the comment of a column lands in the catalog. Keys are strings everywhere.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = "3"

_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("record_id", pa.string(), "uuid5 of source, source_record_id, source_media_id and box_id"),
    ("source", pa.string(), "name of the source in the recipe"),
    ("release", pa.string(), "download key, DOI, version or manifest date of the release"),
    ("source_record_id", pa.string(), "gbifID, EOL page id, processid or image uuid"),
    ("source_media_id", pa.string(), "the source's own key of the medium, else md5 of its URL"),
    ("box_id", pa.string(), "the source's own key of the box; empty for whole images"),
    ("occurrence_key", pa.string(), "key of the observed individual or event: its media never straddle a split"),
    ("individual_key", pa.string(), "dwc:organismID: key of one individual, unique in its dataset"),
    (
        "sequence_key",
        pa.string(),
        "key of a burst of a camera trap, unique in its dataset; dwc:eventID of one",
    ),
    ("location_key", pa.string(), "key of a camera, deployment, plot or site, unique in its dataset; dwc:locationID"),
    ("dataset_key", pa.string(), "dwc:datasetID or GBIF datasetKey"),
    ("publisher", pa.string(), "dc:publisher"),
    ("media_url", pa.string(), "ac:accessURI, only stripped; empty when the medium lies in a local store"),
    ("media_path", pa.string(), "path of the medium inside the source's local store; empty when it is fetched"),
    ("media_key", pa.string(), "key of the medium across sources, such as inat:123 or commons:File.jpg"),
    ("media_type", pa.string(), "StillImage, Sound, MovingImage, InteractiveResource, Map or Unknown"),
    ("media_format", pa.string(), "dc:format as a MIME type, repaired; null when unknown"),
    ("media_width", pa.int32(), "declared width in pixels"),
    ("media_height", pa.int32(), "declared height in pixels"),
    (
        "subject_words",
        pa.string(),
        "words by which the source says that the medium shows a label, a document or a drawing, and where; else null",
    ),
    ("box_x", pa.float64(), "left edge of the box in pixels of the original"),
    ("box_y", pa.float64(), "top edge of the box in pixels of the original"),
    ("box_w", pa.float64(), "width of the box in pixels of the original"),
    ("box_h", pa.float64(), "height of the box in pixels of the original"),
    ("license_verbatim", pa.string(), "dcterms:license as the source states it"),
    ("license_source", pa.string(), "where the licence was stated: media, record, dataset or default"),
    ("license_id", pa.string(), "SPDX id, or LicenseRef-...; null when unknown"),
    ("license_family", pa.string(), "CC0, PD, CC-BY, CC-BY-NC, ARR, ...; null when unknown"),
    ("may_share", pa.bool_(), "the licence lets resized and cropped copies be passed on; null when unknown"),
    ("may_change", pa.bool_(), "the licence lets changed copies be made for one's own use; null when unknown"),
    ("may_sell", pa.bool_(), "the licence lets copies be used commercially; null when unknown"),
    ("rights_holder", pa.string(), "dcterms:rightsHolder"),
    ("creator", pa.string(), "dc:creator"),
    ("source_page", pa.string(), "dcterms:references: a page that shows the medium"),
    ("name_id", pa.string(), "key of the distinct name and hints; joins to names"),
    ("scientific_name", pa.string(), "dwc:scientificName, verbatim"),
    ("name_authorship", pa.string(), "dwc:scientificNameAuthorship, verbatim"),
    ("rank_verbatim", pa.string(), "dwc:taxonRank, verbatim"),
    ("kingdom", pa.string(), "dwc:kingdom as given"),
    ("phylum", pa.string(), "dwc:phylum as given"),
    ("class", pa.string(), "dwc:class as given"),
    ("order", pa.string(), "dwc:order as given"),
    ("family", pa.string(), "dwc:family as given"),
    ("genus", pa.string(), "dwc:genus as given"),
    ("species", pa.string(), "the species as a binomial, as given"),
    ("taxon_id", pa.string(), "the source's taxon key with its space, such as gbif:5220126, eol:45516 or bold:AAS0189"),
    ("vernacular_name", pa.string(), "dwc:vernacularName as given"),
    ("basis_of_record", pa.string(), "dwc:basisOfRecord"),
    ("occurrence_status", pa.string(), "dwc:occurrenceStatus: PRESENT, ABSENT or null"),
    ("image_category", pa.string(), "citizen, specimen, camera_trap, lab, field or unknown"),
    ("event_date", pa.string(), "dwc:eventDate, verbatim"),
    ("event_year", pa.int32(), "dwc:year: the one in which the event began and ended"),
    ("event_month", pa.int32(), "dwc:month, 1 to 12: the one in which the event began and ended"),
    ("event_time", pa.string(), "dwc:eventTime as HH:MM:SS, HH:MM or HH, on the clock of the place as stated"),
    ("recorded_by", pa.string(), "dwc:recordedBy: who made the observation"),
    ("quality_grade", pa.string(), "research, needs_id or casual of iNaturalist; verified, unverified or rejected"),
    ("lat", pa.float64(), "dwc:decimalLatitude; null when absent or impossible"),
    ("lon", pa.float64(), "dwc:decimalLongitude; null when absent or impossible"),
    ("coordinate_uncertainty_m", pa.float64(), "dwc:coordinateUncertaintyInMeters; null when absent or impossible"),
    ("country_code", pa.string(), "dwc:countryCode, ISO 3166-1 alpha-2 in upper case; null where it is no country"),
    ("country_verbatim", pa.string(), "dwc:countryCode or dwc:country, verbatim"),
    ("sex", pa.string(), "dwc:sex in a term of GBIF's vocabulary: Female, Male, Hermaphrodite, ..."),
    ("sex_verbatim", pa.string(), "dwc:sex, verbatim"),
    ("life_stage", pa.string(), "dwc:lifeStage in a term of GBIF's vocabulary: Egg, Larva, Juvenile, Adult, ..."),
    ("life_stage_verbatim", pa.string(), "dwc:lifeStage, verbatim"),
    ("label_status", pa.string(), "dwc:identificationVerificationStatus"),
    ("dna_bin", pa.string(), "BOLD barcode index number"),
    ("dna_barcode", pa.string(), "nucleotide sequence"),
    ("split_hint", pa.string(), "the source's own split"),
    ("issues", pa.list_(pa.string()), "what was odd about the row, as codes"),
    ("locator_file", pa.string(), "file of the release, with ! before a zip member"),
    ("locator_row", pa.int64(), "row in that file, from 1, headers not counted"),
    ("locator_offset", pa.int64(), "byte offset of the row in that file; -1 when the format has none"),
)

COMMENTS: dict[str, str] = {name: comment for name, _, comment in _COLUMNS}
RECORD_SCHEMA = pa.schema(
    [pa.field(name, kind) for name, kind, _ in _COLUMNS], metadata={"schema_version": SCHEMA_VERSION}
)
LOCATOR_COLUMNS = ("locator_file", "locator_row", "locator_offset")
RANK_COLUMNS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
NAME_COLUMNS = ("scientific_name", "name_authorship", "rank_verbatim", *RANK_COLUMNS[:-1])
"""What a name is resolved from; `name_id` is the key of these columns together."""

ABSORBED = b"absorbed"
"""Parquet metadata key of a part of ingest's ledger: native rows that became part of other rows."""
ENDED_SCHEMA = pa.schema(
    [
        pa.field("row_id", pa.string()),  # record_id, or ids.ended_id for rows that never became a record
        pa.field("source", pa.string()),
        pa.field("outcome", pa.string()),  # Outcome.code
        pa.field("evidence", pa.string()),  # JSON object: rule, values, thresholds
        pa.field("other_id", pa.string()),  # the other row, image or benchmark item involved; null when none
        pa.field("locator_file", pa.string()),
        pa.field("locator_row", pa.int64()),
        pa.field("locator_offset", pa.int64()),
        pa.field("raw", pa.string()),  # up to 2 KB of the row, for rows that could not be understood
    ]
)
"""One ledger row: how an input row ended. `raw` is null except for rows that ended at ingest."""


def empty_records() -> pa.Table:
    """Return a record table with no rows."""
    return RECORD_SCHEMA.empty_table()


def conform(table: pa.Table, schema: pa.Schema = RECORD_SCHEMA) -> pa.Table:
    """Return the table with exactly the schema's columns: missing ones null, order and types fixed.

    >>> conform(pa.table({"record_id": ["a"]})).num_columns == len(RECORD_SCHEMA)
    True
    """
    if table.schema.equals(schema, check_metadata=True):
        return table
    columns = []
    for field in schema:
        if field.name in table.column_names:
            column = table.column(field.name)
            columns.append(column if column.type == field.type else column.cast(field.type))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.Table.from_arrays(columns, schema=schema)
