"""COCO's native rows to canonical records: annotations joined to their images, categories beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.outcomes import Outcome
from pipeline.model.records import LOCATOR_COLUMNS, RANK_COLUMNS
from pipeline.sources.camera_traps.coco_flat import ANNOTATION_COLUMNS, IMAGE_COLUMNS
from pipeline.sources.camera_traps.deployments import known_keys, label_endings
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping import vocabulary_columns as words
from pipeline.sources.mapping.boxes import MIN_VISIBLE, Boxes, Floats, floats
from pipeline.sources.mapping.endings import Ending, Keys, end_rows
from pipeline.sources.mapping.event_dates import event_columns
from pipeline.sources.mapping.joining import table_of, unique_by, without_key
from pipeline.sources.mapping.side_tables import load
from pipeline.sources.release.base import Mapped, Release

CATEGORIES = "categories.arrow"
EMPTY_CATEGORY = "0"
"""The category that the format reserves for empty images."""
_ABSOLUTE = r"^https?://"
# A genus and an epithet, in whatever case: common names of two words are no names in any taxonomy.
_BINOMIAL = re.compile(r"[A-Za-z][a-z]+ [a-z][a-z\-]+( [a-z][a-z\-]+)?")


def map_bucket(tables: Mapping[str, pa.Table], release: Release) -> Mapped:
    """Map all rows of one bucket.

    An annotation ends as id_missing (it names no image), no_media (its image is not in the document), or as its label,
    its box or its image have it, or becomes a record. An image ends as id_missing, is absorbed by its annotations, or
    is mapped as if it had one without a category.
    """
    source = release.spec.name
    images, unnamed = without_key(table_of(tables, "images", IMAGE_COLUMNS[:-1]), "image_id", source, "images")
    native = images.num_rows
    images, repeated = unique_by(images, "image_id")
    labels = table_of(tables, "annotations", ANNOTATION_COLUMNS[:-1])
    image_ids = images.column("image_id").combine_chunks()
    index = pc.index_in(labels.column("image_id").combine_chunks(), image_ids)
    named = labels.column("image_id").combine_chunks()
    nowhere = [
        Ending(Outcome.ID_MISSING, c.is_null(named), "the annotation names no image", c.text(labels, "id")),
        Ending(Outcome.NO_MEDIA, c.is_null(index), "no image has this id", named),
    ]
    found, lost = end_rows(labels, nowhere, _keys(labels), source, "annotations")
    found_mask = pa.array(found)

    labelled = np.zeros(images.num_rows, dtype=bool)
    labelled[np.asarray(index.drop_null())] = True
    bare = images.filter(pa.array(~labelled))
    rows = pa.concat_tables([labels.filter(found_mask), _as_labels(bare)])
    theirs = pa.concat_tables([images.take(index.filter(found_mask)), bare]).combine_chunks()
    rows = rows.combine_chunks()
    boxes = _boxes(rows, theirs)
    left, ended = end_rows(rows, _endings(rows, theirs, boxes, release), _keys(rows), source, "annotations")
    mask = pa.array(left)
    records = _records(rows.filter(mask), theirs.filter(mask), boxes.filter(left), repeated, release)
    # An image without annotations is a row of its own, and so is not absorbed.
    return Mapped(records, pa.concat_tables([unnamed, lost, ended]), absorbed=native - bare.num_rows)


def _as_labels(images: pa.Table) -> pa.Table:
    """Return images as annotations that say nothing, with the images' own locators."""
    nothing = pa.nulls(images.num_rows, pa.string())
    names = [*ANNOTATION_COLUMNS[:-1], *LOCATOR_COLUMNS]
    kept = ("image_id", *LOCATOR_COLUMNS)
    return pa.table({n: images.column(n).combine_chunks() if n in kept else nothing for n in names})


def _keys(labels: pa.Table) -> Keys:
    """Return what names a row: the annotation's id, else its category and place; an image without any has its own."""
    image_id = labels.column("image_id").combine_chunks()
    parts = [pc.fill_null(c.text(labels, n), "") for n in ("category_id", "box_x", "box_y", "box_w", "box_h")]
    content = pc.binary_join_element_wise(*parts, ",")
    made = pc.if_else(pc.equal(content, ",,,,"), image_id, pc.binary_join_element_wise(image_id, content, "#"))
    own = c.text(labels, "id")
    box = pc.if_else(pc.is_valid(labels.column("box_unit").combine_chunks()), pc.coalesce(own, content), "")
    return Keys(pc.coalesce(own, made), image_id, box)


def _boxes(labels: pa.Table, images: pa.Table) -> Boxes:
    """Return the boxes in pixels where that can be, else as shares; cut at the edges of the image."""
    stated = np.stack([floats(labels, f"box_{side}") for side in "xywh"], axis=1)
    width, height = floats(images, "width"), floats(images, "height")
    relative = c.equals(labels, "box_unit", "relative")
    known = relative & (width > 0) & (height > 0)
    scale = np.stack([width, height, width, height], axis=1)
    stated = np.where(known[:, None], stated * scale, stated)
    shares = relative & ~known
    return Boxes.of(stated, np.where(shares, 1.0, _positive(width)), np.where(shares, 1.0, _positive(height)))


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)


def _shares(labels: pa.Table, images: pa.Table) -> c.Mask:
    known = (floats(images, "width") > 0) & (floats(images, "height") > 0)
    return c.equals(labels, "box_unit", "relative") & ~known


def _endings(labels: pa.Table, images: pa.Table, boxes: Boxes, release: Release) -> list[Ending]:
    url, path = _places(images, release)
    category = _category(labels, release)
    name = c.text(category, "name")
    reserved = c.equals(labels, "category_id", EMPTY_CATEGORY) & c.is_null(name)
    shown = pc.coalesce(name, labels.column("category_id").combine_chunks())
    boxed = ~c.is_null(c.text(labels, "box_unit"))
    rule = "less than half of the box lies in the image"
    unreachable = c.is_null(url) & c.is_null(path)
    return [
        Ending(Outcome.REJECTED_LABEL, c.equals(images, "corrupt", "true"), "the image is marked as corrupt"),
        *label_endings(shown, (name, c.text(category, "scientific_name"))),
        Ending(Outcome.BLANK, reserved, "the category is the one of empty images", shown),
        Ending(Outcome.BAD_BOX, boxed & (boxes.visible() < MIN_VISIBLE), rule, _shown_box(labels)),
        Ending(
            Outcome.NO_URL,
            unreachable,
            "the image has only a file name: name the images' folder as `media` of this source",
            c.text(images, "file_name"),
        ),
    ]


def _shown_box(labels: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(*[pc.fill_null(c.text(labels, f"box_{s}"), "null") for s in "xywh"], ", ")


def _places(images: pa.Table, release: Release) -> tuple[pa.Array, pa.Array]:
    """Return each image's address and its path in the local store; null where it has none."""
    name = c.text(images, "file_name")
    absolute = pa.array(c.contains(name, _ABSOLUTE))
    url = pc.coalesce(c.text(images, "url"), pc.if_else(absolute, name, None))
    path = pc.if_else(absolute, None, name) if release.spec.media else pa.nulls(len(name), pa.string())
    return url, path


def _category(labels: pa.Table, release: Release) -> pa.Table:
    categories = load(release, CATEGORIES)
    assert categories is not None, "plan writes the categories"
    known = categories.column("category_id").combine_chunks()
    return categories.take(pc.index_in(labels.column("category_id").combine_chunks(), known))


def _names(category: pa.Table) -> dict[str, pa.Array]:
    """Return the names of a category: its own scientific name, else its name if that is one, else its lowest rank."""
    found, index = c.per_distinct(lambda name: name if _BINOMIAL.fullmatch(name) else "", _words(category))
    ranks = {rank: c.capitalised(c.text(category, rank)) for rank in RANK_COLUMNS[:-1]}
    ranks["species"] = c.capitalised(c.binomials(ranks["genus"], c.text(category, "species")))
    latin = c.take(found, index)
    stated = c.capitalised(c.first_of(c.text(category, "scientific_name"), latin))
    vernacular = pc.if_else(pc.is_null(latin), _words(category), None)
    return {
        "scientific_name": c.first_of(stated, *reversed(ranks.values())),
        **ranks,
        "vernacular_name": c.first_of(c.text(category, "common_name"), vernacular),
    }


def _words(category: pa.Table) -> pa.Array:
    return pc.replace_substring(c.text(category, "name"), "_", " ")


def _records(labels: pa.Table, images: pa.Table, boxes: Boxes, repeated: pa.Array, release: Release) -> pa.Table:
    rows, spec = labels.num_rows, release.spec
    keys = _keys(labels)
    url, path = _places(images, release)
    local = pc.is_valid(path)
    media_key = pc.coalesce(
        pc.if_else(pc.equal(c.media_keys(url), ""), None, c.media_keys(url)),
        pc.binary_join_element_wise(spec.name, keys.media, ":"),
    )
    kinds, masks, _ = c.media_columns(
        c.constant("StillImage", rows), pa.nulls(rows, pa.string()), pc.coalesce(path, url)
    )
    licence, licence_masks = c.licence_columns(
        [("media", c.text(images, "license")), ("default", c.constant(spec.license, rows))], media_key
    )
    lat, lon, position_masks = c.coordinates(c.text(images, "latitude"), c.text(images, "longitude"))
    names = _names(_category(labels, release))
    shares = _shares(labels, images)
    sequence = known_keys(c.text(images, "seq_id"))
    event, event_masks = event_columns(c.text(images, "datetime"))
    organism, organism_masks = words.organism_columns(c.text(labels, "sex"), c.text(labels, "life_stage"))
    country, country_masks = words.country_columns(c.text(images, "country"))
    masks = {
        **masks,
        **licence_masks,
        **position_masks,
        **event_masks,
        **organism_masks,
        **country_masks,
        "NAME_EMPTY": c.is_null(names["scientific_name"]),
        "LABEL_OF_SEQUENCE": c.equals(labels, "sequence_level_annotation", "true"),
        "BOX_CLIPPED": boxes.was_cut(),
        "BOX_WITHOUT_SIZE": shares,
        "DUPLICATE_ID": np.asarray(pc.is_in(keys.media, value_set=repeated)),
    }
    pixels = Boxes(boxes.stated, np.where(shares[:, None], np.nan, boxes.clipped))
    columns = {
        "source": c.constant(spec.name, rows),
        "release": c.constant(release.release, rows),
        "source_record_id": keys.record,
        "source_media_id": keys.media,
        "box_id": keys.box,
        "occurrence_key": pc.coalesce(sequence, keys.media),
        "media_url": pc.if_else(local, "", pc.fill_null(url, "")),
        "media_path": pc.fill_null(path, ""),
        "media_key": media_key,
        **kinds,
        "media_width": c.pixels(images, "width"),
        "media_height": c.pixels(images, "height"),
        **pixels.columns(),
        **licence,
        "rights_holder": c.text(images, "rights_holder"),
        **names,
        "basis_of_record": c.constant("MACHINE_OBSERVATION", rows),
        "image_category": c.constant("camera_trap", rows),
        "location_key": known_keys(c.text(images, "location")),
        "sequence_key": sequence,
        "individual_key": known_keys(c.text(labels, "individual")),
        **event,
        **organism,
        **country,
        "lat": lat,
        "lon": lon,
        "issues": c.issue_lists(masks, rows),
        **{n: labels.column(n).combine_chunks() for n in LOCATOR_COLUMNS},
    }
    return c.records(columns, rows)
