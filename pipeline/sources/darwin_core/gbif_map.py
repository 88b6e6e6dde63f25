"""GBIF's native rows to canonical records: media joined to occurrences on gbifID, licence and type decided for each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.model.chunks import whole
from pipeline.model.ids import record_id
from pipeline.model.outcomes import Outcome
from pipeline.model.records import ENDED_SCHEMA, LOCATOR_COLUMNS, RANK_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping import vocabulary_columns as words
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.mapping.joining import table_of, unique_by, without_key
from pipeline.sources.mapping.subject_words import subject_words
from pipeline.sources.mapping.vector_ids import md5_array, record_id_array
from pipeline.sources.release.base import Mapped, Release

MULTIMEDIA_COLUMNS = (
    *("gbifID", "type", "format", "identifier", "references", "creator", "publisher", "license", "rightsHolder"),
    *("title", "description", "subtype", "subjectPart", "caption"),
)
OCCURRENCE_COLUMNS = (
    *("gbifID", "license", "rights", "rightsHolder", "creator", "publisher", "references", "datasetKey"),
    *("institutionCode", "datasetName", "basisOfRecord", "occurrenceStatus", "eventDate", "eventRemarks"),
    *("year", "month", "eventTime", "eventID", "parentEventID", "locationID", "organismID", "recordedBy"),
    *("samplingProtocol", "decimalLatitude", "decimalLongitude", "coordinateUncertaintyInMeters", "countryCode"),
    *("country", "sex", "lifeStage"),
    *("identificationVerificationStatus", "scientificName", "scientificNameAuthorship", "taxonRank", *RANK_COLUMNS),
    *("vernacularName", "taxonKey", "checklistKey", "issue"),
)
DATASETS = "dataset-licences.parquet"
DATASET_SCHEMA = pa.schema([("dataset_key", pa.string()), ("license", pa.string())])

BACKBONE = "d7dddbf4-2cf0-4f39-9b2a-bb099caae36c"
CATALOGUE_OF_LIFE = "7ddf754f-d193-4cc9-b351-99906754a03b"
_STATED = {"subtype": "subtype", "subject part": "subjectPart"} | {
    name: name for name in ("title", "caption", "description")
}
_SPECIMEN = frozenset({"PRESERVEDSPECIMEN", "FOSSILSPECIMEN", "LIVINGSPECIMEN", "MATERIALSAMPLE", "MATERIALCITATION"})
_CITIZEN = r"inaturalist|observation\.org|naturgucker|artportalen|artsobservasjoner|ebird|citizen.?science|questagame"
_CAMERA_TRAP = r"camera.?trap|trigger sensitivity"


def map_bucket(tables: Mapping[str, pa.Table], release: Release) -> Mapped:
    """Map all rows of one bucket.

    A media row ends as id_missing, orphan_media or no_url, or becomes a record; an occurrence ends as id_missing or
    no_media, or is absorbed by the records of its media. Occurrences that repeat a gbifID are absorbed too.
    """
    source = release.spec.name
    media = table_of(tables, "multimedia", MULTIMEDIA_COLUMNS)
    occurrences = table_of(tables, "occurrence", OCCURRENCE_COLUMNS)
    ended = []
    key = release.facts.get("id_name", "gbifID")
    media, ended_media = without_key(media, "gbifID", source, "multimedia", key)
    occurrences, ended_occurrences = without_key(occurrences, "gbifID", source, "occurrence", key)
    ended += [ended_media, ended_occurrences]
    native = occurrences.num_rows
    occurrences, repeated = unique_by(occurrences, "gbifID")

    index = pc.index_in(whole(media.column("gbifID")), whole(occurrences.column("gbifID")))
    url = c.text(media, "identifier")
    orphan, unaddressed = c.is_null(index), c.is_null(url)
    ended.append(_ended_media(media.filter(pa.array(orphan)), source, Outcome.ORPHAN_MEDIA, key))
    ended.append(_ended_media(media.filter(pa.array(~orphan & unaddressed)), source, Outcome.NO_URL, key))
    illustrated = np.zeros(occurrences.num_rows, dtype=bool)
    illustrated[np.asarray(index.drop_null())] = True
    bare = occurrences.select(["gbifID", *LOCATOR_COLUMNS]).filter(pa.array(~illustrated))
    ids = whole(bare.column("gbifID"))
    none = pa.repeat(pa.scalar(""), len(ids))
    evidence = c.evidence_of(f"no media row has this {key}", ids)
    ended.append(c.ended_rows(bare, source, Outcome.NO_MEDIA, record_id_array(source, ids, none, none), evidence))
    if (orphan | unaddressed).any():
        usable = pa.array(~orphan & ~unaddressed)
        media, index = media.filter(usable), index.filter(usable)
    # Columns without a value are not worth joining: an absent one reads as null.
    filled = [name for name in occurrences.column_names if occurrences.column(name).null_count < occurrences.num_rows]
    records = _records(media, occurrences.select(filled).take(index), repeated, release)
    return Mapped(records, pa.concat_tables(ended), absorbed=native - bare.num_rows)


def _ended_media(media: pa.Table, source: str, outcome: Outcome, key: str) -> pa.Table:
    if media.num_rows == 0:
        return ENDED_SCHEMA.empty_table()
    ids, evidence = [], []
    rule = {
        Outcome.ORPHAN_MEDIA: f"no occurrence has this {key}",
        Outcome.NO_URL: "the media row has no identifier, only references",
    }[outcome]
    keys = c.first_of(c.text(media, "identifier"), c.text(media, "references")).to_pylist()
    for gbif_id, key, content in zip(media.column("gbifID").to_pylist(), keys, c.row_texts(media), strict=True):
        ids.append(record_id(source, gbif_id, _md5(key or content)))
        evidence.append({"rule": rule, "value": gbif_id if outcome is Outcome.ORPHAN_MEDIA else key or ""})
    return c.ended_rows(media, source, outcome, ids, evidence)


def _md5(text: str) -> str:
    # GBIF's image cache names a medium by the MD5 of its identifier.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _records(media: pa.Table, occ: pa.Table, repeated: pa.Array, release: Release) -> pa.Table:
    rows, spec = media.num_rows, release.spec
    url = c.text(media, "identifier")
    page = c.first_of(c.text(media, "references"), c.text(occ, "references"))
    keys = c.media_keys(url)
    kinds, masks, _ = c.media_columns(c.text(media, "type"), c.text(media, "format"), url)
    dataset_key = c.text(occ, "datasetKey")
    licence, licence_masks = c.licence_columns(
        (
            ("media", c.text(media, "license")),
            ("record", c.text(occ, "license")),
            ("record", c.text(occ, "rights")),
            ("dataset", _dataset_licences(dataset_key, release)),
            ("dataset", c.constant(release.license, rows)),
            ("default", c.constant(spec.license, rows)),
        ),
        keys,
    )
    lat, lon, position_masks = c.coordinates(c.text(occ, "decimalLatitude"), c.text(occ, "decimalLongitude"))
    # Downloads have no such column: whoever asked for them noted which checklist their taxon keys belong to.
    checklist = c.constant(release.facts.get("checklist"), rows)
    name = c.blank_to_null(c.verbatim(occ, "scientificName"))
    category = _categories(occ, c.text(media, "publisher"))
    event, event_masks = _event(occ, category)
    gbif_id = whole(media.column("gbifID"))
    masks = {
        **masks,
        **licence_masks,
        **position_masks,
        **event_masks,
        "NAME_EMPTY": c.is_null(name),
        "DUPLICATE_ID": np.asarray(pc.is_in(gbif_id, value_set=repeated)),
    }
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": gbif_id,
        "source_media_id": md5_array(url),
        "box_id": pa.repeat(pa.scalar(""), rows),
        "occurrence_key": gbif_id,
        "dataset_key": dataset_key,
        "publisher": c.first_of(c.text(media, "publisher"), c.text(occ, "publisher")),
        "media_url": url,
        "media_path": pa.repeat(pa.scalar(""), rows),
        "media_key": keys,
        **kinds,
        "subject_words": _subject_words(media, url, page),
        **licence,
        "rights_holder": c.first_of(c.text(media, "rightsHolder"), c.text(occ, "rightsHolder")),
        "creator": c.first_of(c.text(media, "creator"), c.text(occ, "creator")),
        "source_page": page,
        "scientific_name": name,
        "name_authorship": c.text(occ, "scientificNameAuthorship"),
        "rank_verbatim": c.text(occ, "taxonRank"),
        **{rank: c.text(occ, rank) for rank in RANK_COLUMNS},
        "taxon_id": _taxon_ids(c.text(occ, "taxonKey"), c.first_of(c.text(occ, "checklistKey"), checklist)),
        "vernacular_name": c.text(occ, "vernacularName"),
        "basis_of_record": c.text(occ, "basisOfRecord"),
        "occurrence_status": pc.utf8_upper(c.text(occ, "occurrenceStatus")),
        "image_category": category,
        **event,
        "lat": lat,
        "lon": lon,
        "label_status": c.text(occ, "identificationVerificationStatus"),
        "issues": c.issue_lists(masks, rows, own=c.text(occ, "issue")),
        **{name: whole(media.column(name)) for name in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)


def _subject_words(media: pa.Table, url: pa.Array, page: pa.Array) -> pa.Array:
    stated = {name: c.text(media, column) for name, column in _STATED.items()}
    return subject_words({**stated, "media_url": url, "source_page": page}, media.num_rows)


def _event(occ: pa.Table, category: pa.Array) -> tuple[dict[str, pa.Array], dict[str, c.Mask]]:
    """Return when, where, by whom and of what individual a record was made, and the issues of that.

    Of a camera trap an event is a burst, and its parent the deployment, as Camtrap DP is published in Darwin Core; of
    other records an event may be a whole survey, which is neither.
    """
    # GBIF's downloads up to 2023 write a day with the time 00:00:00.
    when, masks = event_columns(
        c.text(occ, "eventDate"),
        year=c.text(occ, "year"),
        month=c.text(occ, "month"),
        time=c.text(occ, "eventTime"),
        midnight=False,
    )
    organism, organism_masks = words.organism_columns(c.text(occ, "sex"), c.text(occ, "lifeStage"))
    country, country_masks = words.country_columns(c.text(occ, "countryCode"), c.text(occ, "country"))
    uncertainty, uncertainty_masks = words.uncertainty_columns(c.text(occ, "coordinateUncertaintyInMeters"))
    burst, deployment = (words.stated_keys(c.text(occ, name)) for name in ("eventID", "parentEventID"))
    if burst.null_count < len(burst) or deployment.null_count < len(deployment):
        trap = pc.equal(category, "camera_trap")
        burst, deployment = pc.if_else(trap, burst, None), pc.if_else(trap, deployment, None)
    columns = {
        **when,
        **organism,
        **country,
        **uncertainty,
        "location_key": c.first_of(words.stated_keys(c.text(occ, "locationID")), deployment),
        "sequence_key": burst,
        "individual_key": words.stated_keys(c.text(occ, "organismID")),
        "recorded_by": c.text(occ, "recordedBy"),
        "quality_grade": words.quality_grades(c.text(occ, "identificationVerificationStatus")),
    }
    return columns, {**masks, **organism_masks, **country_masks, **uncertainty_masks}


def _dataset_licences(dataset_key: pa.Array, release: Release) -> pa.Array:
    spool = release.facts.get("spool")
    path = Path(spool) / DATASETS if spool else None
    if path is None or not path.exists():
        return pa.nulls(len(dataset_key), pa.string())
    state = path.stat()
    known = _read_datasets(str(path), state.st_size, state.st_mtime_ns)
    index = pc.index_in(pc.utf8_lower(dataset_key), whole(known.column("dataset_key")))
    return whole(known.column("license")).take(index)


@lru_cache(maxsize=4)
def _read_datasets(path: str, size: int, changed: int) -> pa.Table:
    return pq.read_table(path)


def _taxon_ids(keys: pa.Array, checklists: pa.Array) -> pa.Array:
    def taxon_id(key: str, checklist: str) -> str:
        if not key or key == "0":
            return ""
        return f"{ {'': 'gbif', BACKBONE: 'gbif', CATALOGUE_OF_LIFE: 'col'}.get(checklist, checklist) }:{key}"

    made, index = c.per_distinct(taxon_id, keys, pc.utf8_lower(checklists))
    return c.take(made, index)


def _categories(occ: pa.Table, media_publisher: pa.Array) -> pa.Array:
    """Return the image category by basis of record, remarks and publisher; the first rule that holds decides."""
    stated = c.text(occ, "basisOfRecord").dictionary_encode()
    words = pc.replace_substring_regex(pc.utf8_upper(stated.dictionary), "[^A-Z]", "")
    basis = pc.fill_null(words.take(stated.indices), "")
    trap = c.contains(c.text(occ, "eventRemarks"), _CAMERA_TRAP) | c.contains(
        c.text(occ, "samplingProtocol"), _CAMERA_TRAP
    )
    trap |= np.asarray(pc.equal(basis, "MACHINEOBSERVATION"))
    specimen = np.asarray(pc.is_in(basis, value_set=pa.array(sorted(_SPECIMEN))))
    citizen = c.contains(media_publisher, _CITIZEN)
    for name in ("publisher", "institutionCode", "datasetName"):
        citizen |= c.contains(c.text(occ, name), _CITIZEN)
    field = np.asarray(pc.is_in(basis, value_set=pa.array(["HUMANOBSERVATION", "OBSERVATION"])))
    return pc.case_when(
        pc.make_struct(pa.array(trap), pa.array(specimen), pa.array(citizen & field), pa.array(field)),
        *[pa.scalar(name) for name in ("camera_trap", "specimen", "citizen", "field", "unknown")],
    )
