"""Camtrap DP's native rows to canonical records: observations joined to media, deployments and taxa beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS, RANK_COLUMNS
from pipeline.sources.camera_traps.camtrap_events import Event, Frame, covering, instant, label_frames
from pipeline.sources.camera_traps.deployments import known_keys, label_endings
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping import vocabulary_columns as words
from pipeline.sources.mapping.boxes import MIN_VISIBLE, Boxes, Floats, floats
from pipeline.sources.mapping.endings import Ending, Keys, end_rows
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.mapping.joining import table_of, unique_by, without_key
from pipeline.sources.mapping.side_tables import load
from pipeline.sources.release.base import Mapped, Release

MEDIA_COLUMNS = (
    *("mediaID", "deploymentID", "sequenceID", "eventID", "timestamp", "filePath", "filePublic", "fileMediatype"),
    "exifData",
)
OBSERVATION_COLUMNS = (
    *("observationID", "deploymentID", "mediaID", "eventID", "sequenceID", "eventStart", "eventEnd", "timestamp"),
    *("observationType", "scientificName", "lifeStage", "sex", "individualID", "classificationMethod"),
    *("bboxX", "bboxY", "bboxWidth", "bboxHeight"),
)
DEPLOYMENT_COLUMNS = ("deploymentID", "locationID", "latitude", "longitude", "coordinateUncertainty", "setupBy")
DEPLOYMENTS, TAXA = "deployments.arrow", "taxa.arrow"
_BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
_SIZES = (("ExifImageWidth", "ExifImageHeight"), ("ImageWidth", "ImageHeight"), ("PixelXDimension", "PixelYDimension"))
_ABSOLUTE = r"^https?://"


def map_bucket(tables: Mapping[str, pa.Table], release: Release) -> Mapped:
    """Map all rows of one bucket.

    An observation of a medium ends as id_missing, no_media (its medium is not in the package), or as its medium, label
    or box have it, or becomes a record. An observation of an event is absorbed by the media that it covers, or ends as
    no_media. A medium is absorbed by its observations; one without any is mapped as the events that cover it say.
    """
    source = release.spec.name
    media, unnamed = without_key(table_of(tables, "media", MEDIA_COLUMNS), "mediaID", source, "media")
    native = media.num_rows
    media = media.append_column("place", _place(media, media.column("mediaID").combine_chunks()))
    media, repeated = unique_by(media, "place")
    observations = table_of(tables, "observations", OBSERVATION_COLUMNS)
    own = pc.is_valid(c.text(observations, "mediaID"))
    labels, events = observations.filter(own), observations.filter(pc.invert(own))

    index = pc.index_in(_place(labels, labels.column("mediaID").combine_chunks()), media["place"].combine_chunks())
    observed = c.text(labels, "observationID")
    nowhere = [
        Ending(Outcome.ID_MISSING, c.is_null(observed), "the observation has no observationID"),
        Ending(Outcome.NO_MEDIA, c.is_null(index), "no medium has this mediaID", c.text(labels, "mediaID")),
    ]
    found, lost = end_rows(labels, nowhere, Keys(observed, c.text(labels, "mediaID")), source, "observations")
    labelled = np.zeros(media.num_rows, dtype=bool)
    labelled[np.asarray(index.drop_null())] = True
    bare = media.filter(pa.array(~labelled))

    stated = _events(events)
    covered = covering(_frames(media), stated, _named(labels))
    apart = Ending(Outcome.NO_MEDIA, ~np.array(covered, dtype=bool), "no medium of this event is in the package")
    event_id = c.text(events, "observationID")
    _, unseen = end_rows(events, [apart], Keys(event_id, pa.repeat(pa.scalar(""), len(event_id))), source, "events")

    mask = pa.array(found)
    rows = pa.concat_tables([_own(labels.filter(mask)), _inherited(bare, stated)]).combine_chunks()
    theirs = pa.concat_tables([media.take(index.filter(mask)), bare]).combine_chunks()
    boxes = _boxes(rows)
    left, ended = end_rows(rows, _endings(rows, theirs, boxes, release), _keys(rows, boxes), source, "observations")
    kept = pa.array(left)
    records = _records(rows.filter(kept), theirs.filter(kept), boxes.filter(left), repeated, release)
    absorbed = native - bare.num_rows + sum(covered)
    return Mapped(records, pa.concat_tables([unnamed, lost, unseen, ended]), absorbed)


def _place(table: pa.Table, key: pa.Array) -> pa.Array:
    """Return a key that is unique in the package, where media ids need only be so within their deployment."""
    deployment = pc.fill_null(table.column("deploymentID").combine_chunks(), "")
    return pc.binary_join_element_wise(deployment, key, "\x1f")


def _event_id(table: pa.Table) -> pa.Array:
    return known_keys(c.first_of(c.text(table, "eventID"), c.text(table, "sequenceID")))


def _seconds(values: pa.Array) -> Floats:
    read, index = c.per_distinct(instant, values)
    seconds: Floats = np.array(read, dtype=np.float64)[np.asarray(index)]
    return seconds


def _lists(table: pa.Table, *names: str) -> list[list[str]]:
    return [pc.fill_null(c.text(table, name), "").to_pylist() for name in names]


def _events(table: pa.Table) -> list[Event]:
    start = _seconds(c.first_of(c.text(table, "eventStart"), c.text(table, "timestamp")))
    end = _seconds(c.text(table, "eventEnd"))
    end = np.where(np.isnan(end), start, end)
    keys = pc.fill_null(_event_id(table), "").to_pylist()
    kinds, names, methods = _lists(table, "observationType", "scientificName", "classificationMethod")
    deployments = pc.fill_null(table.column("deploymentID").combine_chunks(), "").to_pylist()
    return [
        Event(deployment, key, first, last, (kind, name), method)
        for deployment, key, first, last, kind, name, method in zip(
            deployments, keys, start.tolist(), end.tolist(), kinds, names, methods, strict=True
        )
    ]


def _frames(media: pa.Table) -> list[Frame]:
    deployments = pc.fill_null(media.column("deploymentID").combine_chunks(), "").to_pylist()
    keys = pc.fill_null(_event_id(media), "").to_pylist()
    times = _seconds(c.text(media, "timestamp")).tolist()
    return [Frame(*parts) for parts in zip(deployments, keys, times, strict=True)]


def _named(labels: pa.Table) -> frozenset[tuple[str, str]]:
    deployments = pc.fill_null(labels.column("deploymentID").combine_chunks(), "").to_pylist()
    return frozenset(zip(deployments, pc.fill_null(_event_id(labels), "").to_pylist(), strict=True))


def _own(labels: pa.Table) -> pa.Table:
    return labels.append_column("origin", c.constant("media", labels.num_rows))


def _inherited(media: pa.Table, events: list[Event]) -> pa.Table:
    """Return media without observations of their own as if they had one: what the events that cover them say."""
    verdicts = label_frames(_frames(media), events)
    said = {
        "eventID": [verdict.key if verdict else None for verdict in verdicts],
        "observationType": [verdict.label[0] if verdict else None for verdict in verdicts],
        "scientificName": [verdict.label[1] if verdict else None for verdict in verdicts],
        "classificationMethod": [verdict.method if verdict else None for verdict in verdicts],
        "origin": ["none" if v is None else "event" if v.agreed else "disagreement" for v in verdicts],
    }
    kept = ("mediaID", "deploymentID", *LOCATOR_COLUMNS)
    nothing = pa.nulls(media.num_rows, pa.string())
    columns = {
        name: media.column(name).combine_chunks() if name in kept else pa.array(said.get(name, nothing), pa.string())
        for name in (*OBSERVATION_COLUMNS, *LOCATOR_COLUMNS, "origin")
    }
    return pa.table(columns)


def _boxes(rows: pa.Table) -> Boxes:
    """Return the boxes as shares of the image, cut at its edges."""
    edge = np.ones(rows.num_rows)
    return Boxes.of(np.stack([floats(rows, side) for side in _BOX], axis=1), edge, edge)


def _boxed(rows: pa.Table) -> c.Mask:
    stated: c.Mask = np.any([~c.is_null(c.text(rows, side)) for side in _BOX], axis=0)
    return stated


def _keys(rows: pa.Table, boxes: Boxes) -> Keys:
    media_id = rows.column("mediaID").combine_chunks()
    observed = c.text(rows, "observationID")
    box = pc.if_else(pa.array(_boxed(rows)), pc.fill_null(observed, ""), "")
    return Keys(pc.coalesce(observed, media_id), media_id, box)


def _places(media: pa.Table, release: Release) -> tuple[pa.Array, pa.Array]:
    """Return each medium's address and its path in the local store; null where it has none."""
    path = c.text(media, "filePath")
    absolute = pa.array(c.contains(path, _ABSOLUTE))
    local = pc.if_else(absolute, None, path) if release.spec.media else pa.nulls(len(path), pa.string())
    return pc.if_else(absolute, path, None), local


def _endings(rows: pa.Table, media: pa.Table, boxes: Boxes, release: Release) -> list[Ending]:
    url, local = _places(media, release)
    kind, name = c.text(rows, "observationType"), c.text(rows, "scientificName")
    path = c.text(media, "filePath")
    box = pc.binary_join_element_wise(*[pc.fill_null(c.text(rows, side), "null") for side in _BOX], ", ")
    return [
        Ending(Outcome.NOT_PUBLIC, c.equals(media, "filePublic", "false"), "filePublic is false", path),
        *label_endings(pc.coalesce(name, kind), (kind, name)),
        Ending(
            Outcome.BAD_BOX,
            _boxed(rows) & (boxes.visible() < MIN_VISIBLE),
            "less than half of the box lies in the image, whose sides are 1",
            box,
        ),
        Ending(Outcome.NO_URL, c.is_null(path), "the medium has no filePath", c.text(media, "mediaID")),
        Ending(
            Outcome.NO_URL,
            c.is_null(url) & c.is_null(local),
            "the file lies in the package: name the package as `media` of this source too",
            path,
        ),
    ]


def _sizes(media: pa.Table) -> tuple[Floats, Floats]:
    """Return the images' sizes in pixels, as their EXIF data state them; NaN where they do not."""
    found, index = c.per_distinct(_size, c.text(media, "exifData"))
    sizes = np.array(found, dtype=np.float64).reshape(-1, 2)[np.asarray(index)]
    return sizes[:, 0], sizes[:, 1]


def _size(exif: str) -> tuple[float, float]:
    """Read width and height from EXIF data as JSON, whose tags may stand in groups.

    The tags are searched in the text, because published packages hold EXIF data that are no whole JSON.

    >>> _size('{"File": {"ImageWidth": 2048, "ImageHeight": 1440}}'), _size("f/2.8")
    ((2048.0, 1440.0), (nan, nan))
    """
    for names in _SIZES:
        sides = [re.search(rf'"{name}"\s*:\s*"?([1-9]\d{{0,8}})(?!\d)', exif) for name in names]
        if sides[0] and sides[1]:
            return float(sides[0][1]), float(sides[1][1])
    return float("nan"), float("nan")


def _side(release: Release, name: str, key: str, values: pa.Array) -> pa.Table:
    """Return, for each value, its row of a side table; a row of nulls where there is none."""
    table = load(release, name)
    assert table is not None, "plan writes the side tables"
    return table.take(pc.index_in(values, table.column(key).combine_chunks()))


def _records(rows: pa.Table, media: pa.Table, boxes: Boxes, repeated: pa.Array, release: Release) -> pa.Table:
    count, spec = rows.num_rows, release.spec
    keys = _keys(rows, boxes)
    url, local = _places(media, release)
    prefix = f"camtrap-dp:{release.facts['package']}"
    media_key = pc.if_else(pc.is_valid(url), c.media_keys(url), pc.binary_join_element_wise(prefix, keys.media, ":"))
    kinds, masks, _ = c.media_columns(
        pa.nulls(count, pa.string()), c.text(media, "fileMediatype"), pc.coalesce(url, local)
    )
    licence, licence_masks = c.licence_columns(
        [("dataset", c.constant(release.license, count)), ("default", c.constant(spec.license, count))], media_key
    )
    place = _side(release, DEPLOYMENTS, "deploymentID", media.column("deploymentID").combine_chunks())
    lat, lon, position_masks = c.coordinates(c.text(place, "latitude"), c.text(place, "longitude"))
    name = c.text(rows, "scientificName")
    taxon = _side(release, TAXA, "name", name)
    width, height = _sizes(media)
    boxed, sized = _boxed(rows), ~np.isnan(width)
    taken = c.first_of(c.text(media, "timestamp"), c.text(rows, "eventStart"))
    event, event_masks = event_columns(taken)
    organism, organism_masks = words.organism_columns(c.text(rows, "sex"), c.text(rows, "lifeStage"))
    uncertainty, uncertainty_masks = words.uncertainty_columns(c.text(place, "coordinateUncertainty"))
    sequence = c.first_of(_event_id(rows), _event_id(media))
    masks = {
        **masks,
        **licence_masks,
        **position_masks,
        **event_masks,
        **organism_masks,
        **uncertainty_masks,
        "NAME_EMPTY": c.is_null(name),
        "NO_LABEL": c.equals(rows, "origin", "none"),
        "LABEL_OF_SEQUENCE": c.equals(rows, "origin", "event"),
        "LABELS_DISAGREE": c.equals(rows, "origin", "disagreement"),
        "BOX_CLIPPED": boxes.was_cut(),
        "BOX_WITHOUT_SIZE": boxed & ~sized,
        "DEPLOYMENT_MISSING": c.is_null(c.text(place, "deploymentID")),
        "DUPLICATE_ID": np.asarray(pc.is_in(media.column("place").combine_chunks(), value_set=repeated)),
    }
    columns = {
        "source": c.constant(spec.name, count),
        "release": c.constant(release.release, count),
        "source_record_id": keys.record,
        "source_media_id": keys.media,
        "box_id": keys.box,
        "occurrence_key": c.first_of(sequence, keys.media),
        "individual_key": known_keys(c.text(rows, "individualID")),
        "sequence_key": sequence,
        "location_key": c.first_of(known_keys(c.text(place, "locationID")), c.text(media, "deploymentID")),
        "dataset_key": c.constant(release.facts["package"], count),
        "publisher": c.constant(release.facts["publisher"], count),
        "media_url": pc.fill_null(url, ""),
        "media_path": pc.fill_null(local, ""),
        "media_key": media_key,
        **kinds,
        "media_width": pa.array(width, from_pandas=True).cast(pa.int32()),
        "media_height": pa.array(height, from_pandas=True).cast(pa.int32()),
        **boxes.columns((width, height)),
        **licence,
        "rights_holder": c.constant(release.facts["holder"], count),
        "scientific_name": name,
        "rank_verbatim": c.text(taxon, "rank"),
        **{rank: c.text(taxon, rank) for rank in RANK_COLUMNS[:-1]},
        "taxon_id": c.text(taxon, "taxon_id"),
        "vernacular_name": c.text(taxon, "vernacular"),
        "basis_of_record": c.constant("MACHINE_OBSERVATION", count),
        "image_category": c.constant("camera_trap", count),
        **event,
        "recorded_by": c.text(place, "setupBy"),
        "lat": lat,
        "lon": lon,
        **uncertainty,
        **organism,
        "label_status": c.text(rows, "classificationMethod"),
        "issues": c.issue_lists(masks, count),
        **{n: rows.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, count)
