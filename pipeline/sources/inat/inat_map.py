"""iNaturalist's native rows to canonical records: photos joined to observations, with their taxon and observer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS, RANK_COLUMNS
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping import vocabulary_columns as words
from pipeline.sources.mapping.endings import Ending, Keys, end_rows
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.mapping.joining import table_of, unique_by, without_key
from pipeline.sources.mapping.side_tables import find, load
from pipeline.sources.release.base import Mapped, Release

OBSERVATION_COLUMNS = (
    *("observation_uuid", "observer_id", "latitude", "longitude", "positional_accuracy", "taxon_id", "quality_grade"),
    "observed_on",
)
PHOTO_COLUMNS = ("photo_id", "observation_uuid", "observer_id", "extension", "license", "width", "height")
BUCKET_URL = "https://inaturalist-open-data.s3.amazonaws.com/"
SIZE = "original"
"""Which of the published sizes is asked for: the photo as stored, at most 2048 pixels a side."""
_PHOTO_PAGE = "https://www.inaturalist.org/photos/"
_PHOTO_ID = r"^[1-9][0-9]{0,17}$"
_EXTENSION = r"^[A-Za-z0-9]{1,5}$"


def map_bucket(tables: Mapping[str, pa.Table], release: Release) -> Mapped:
    """Map all rows of one bucket.

    A photo ends as id_missing, orphan_media or no_url, or becomes a record; an observation ends as id_missing or
    no_media, or is absorbed by the records of its photos. Observations that repeat a uuid are absorbed too.
    """
    source = release.spec.name
    observations = table_of(tables, "observations", OBSERVATION_COLUMNS)
    observations, unnamed = without_key(observations, "observation_uuid", source, "observations")
    native = observations.num_rows
    observations, repeated = unique_by(observations, "observation_uuid")
    photos = table_of(tables, "photos", PHOTO_COLUMNS)
    index = pc.index_in(
        photos.column("observation_uuid").combine_chunks(), observations.column("observation_uuid").combine_chunks()
    )
    left, ended_photos = _ended_photos(photos, index, source)

    illustrated = np.zeros(observations.num_rows, dtype=bool)
    illustrated[np.asarray(index.drop_null())] = True
    uuid = observations.column("observation_uuid").combine_chunks()
    bare = Ending(Outcome.NO_MEDIA, ~illustrated, "no photo has this observation_uuid", uuid)
    keys = Keys(uuid, pa.repeat(pa.scalar(""), len(uuid)))
    _, ended_observations = end_rows(observations, [bare], keys, source, "observations")
    usable = pa.array(left)
    return Mapped(
        _records(photos.filter(usable), observations.take(index.filter(usable)), repeated, release),
        pa.concat_tables([unnamed, ended_photos, ended_observations]),
        absorbed=native - ended_observations.num_rows,
    )


def _ended_photos(photos: pa.Table, index: pa.Array, source: str) -> tuple[c.Mask, pa.Table]:
    uuid, photo_id = photos.column("observation_uuid").combine_chunks(), c.text(photos, "photo_id")
    numbered = c.contains(photo_id, _PHOTO_ID)
    endings = [
        Ending(Outcome.ID_MISSING, ~numbered, "the photo has no number", photo_id),
        Ending(Outcome.ID_MISSING, c.is_null(c.blank_to_null(uuid)), "the photo names no observation", photo_id),
        Ending(Outcome.ORPHAN_MEDIA, c.is_null(index), "no observation has this observation_uuid", uuid),
        Ending(Outcome.NO_URL, ~c.contains(c.text(photos, "extension"), _EXTENSION), "the photo has no file extension"),
    ]
    keys = Keys(c.blank_to_null(uuid), pc.if_else(pa.array(numbered), photo_id, None))
    return end_rows(photos, endings, keys, source, "photos")


def _records(photos: pa.Table, observations: pa.Table, repeated: pa.Array, release: Release) -> pa.Table:
    rows, spec = photos.num_rows, release.spec
    photo_id, uuid = c.text(photos, "photo_id"), photos.column("observation_uuid").combine_chunks()
    keys = pc.binary_join_element_wise("inat", photo_id, ":")
    path = pc.binary_join_element_wise("photos/", photo_id, f"/{SIZE}.", c.text(photos, "extension"), "")
    url = pc.binary_join_element_wise(BUCKET_URL, path, "")
    nothing = pa.repeat(pa.scalar(""), rows)
    taxon_id = c.text(observations, "taxon_id")
    taxa, observers = load(release, "taxa.arrow"), load(release, "observers.arrow")
    assert taxa is not None and observers is not None, "plan writes both side tables"
    taxon = find(taxa, "taxon_id", taxon_id)
    observer_id = c.first_of(c.text(photos, "observer_id"), c.text(observations, "observer_id"))
    observer = find(observers, "observer_id", observer_id)
    person = c.first_of(c.text(observer, "name"), c.text(observer, "login"))
    name = c.text(taxon, "name")
    kinds, masks, _ = c.media_columns(c.constant("StillImage", rows), pa.nulls(rows, pa.string()), url)
    licence, licence_masks = c.licence_columns(
        [("media", c.text(photos, "license")), ("default", c.constant(spec.license, rows))], keys
    )
    lat, lon, position_masks = c.coordinates(c.text(observations, "latitude"), c.text(observations, "longitude"))
    event, event_masks = event_columns(c.text(observations, "observed_on"))
    uncertainty, uncertainty_masks = words.uncertainty_columns(c.text(observations, "positional_accuracy"))
    masks = {
        **masks,
        **licence_masks,
        **position_masks,
        **event_masks,
        **uncertainty_masks,
        "NAME_EMPTY": c.is_null(taxon_id),
        "TAXON_MISSING": ~c.is_null(taxon_id) & c.is_null(name),
        "TAXON_INACTIVE": c.contains(c.text(taxon, "active"), "^f"),
        "OBSERVER_MISSING": c.is_null(person),
        "DUPLICATE_ID": np.asarray(pc.is_in(uuid, value_set=repeated)),
    }
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": uuid,
        "source_media_id": photo_id,
        "box_id": nothing,
        "occurrence_key": uuid,
        "publisher": c.constant("iNaturalist", rows),
        "media_url": nothing if spec.media else url,
        "media_path": path if spec.media else nothing,
        "media_key": keys,
        **kinds,
        "media_width": c.pixels(photos, "width"),
        "media_height": c.pixels(photos, "height"),
        **licence,
        "rights_holder": person,
        "creator": person,
        "source_page": pc.binary_join_element_wise(_PHOTO_PAGE, photo_id, ""),
        "scientific_name": name,
        "rank_verbatim": c.text(taxon, "rank"),
        **{rank: c.text(taxon, rank) for rank in RANK_COLUMNS},
        "taxon_id": pc.binary_join_element_wise("inat", taxon_id, ":"),
        "basis_of_record": c.constant("HUMAN_OBSERVATION", rows),
        "image_category": c.constant("citizen", rows),
        **event,
        "recorded_by": person,
        "quality_grade": words.quality_grades(c.text(observations, "quality_grade")),
        "lat": lat,
        "lon": lon,
        **uncertainty,
        "label_status": c.text(observations, "quality_grade"),
        "issues": c.issue_lists(masks, rows),
        **{n: photos.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)
