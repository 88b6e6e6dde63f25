"""Results of a detector in the format of MegaDetector (images, their detections, categories), a row for each picture.

Format: "MegaDetector batch output", versions 1.0 to 1.4, of agentmorris/MegaDetector. Boxes are [x, y, width, height]
in shares of the picture. A picture that the detector could not read has no answer, and its columns are NULL.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests import ScoresSpec
from pipeline.scores.table import ScoreTable, keyed, opened, refuse

LABELS = ("animal", "person", "vehicle")
LEAST = 0.2
"""Confidence from which a box is counted, where nothing is said: what the detector's own tools draw."""
_DEFAULT = {"1": "animal", "2": "person", "3": "vehicle"}
_DETECTION = pa.struct([("category", pa.string()), ("conf", pa.float64()), ("bbox", pa.list_(pa.float64()))])
_IMAGE = pa.struct([("file", pa.string()), ("failure", pa.string()), ("detections", pa.list_(_DETECTION))])
_EXPECTED = 'the results of MegaDetector: {"images": [{"file": ..., "detections": [{"category", "conf", "bbox"}]}]}'


def read_detections(spec: ScoresSpec, path: Path) -> ScoreTable:
    """Read results of a detector: the greatest confidence of each category, how many boxes, and the largest share.

    `animal`, `person`, `vehicle`: greatest confidence, 0 where none was seen; `boxes`: those of at least the least
    confidence; `largest_box_share`: of the picture, of such boxes of animals (0 without one).
    """
    images = _images(spec, path)
    try:
        found = pa.array([{**each} for each in images["images"]], _IMAGE)
    except (pa.ArrowException, TypeError, ValueError):
        place, what = _first_wrong(images["images"])
        refuse(spec, what, f"images[{place}]", _EXPECTED)
    if not len(found):
        refuse(spec, "it lists no images", "", _EXPECTED)
    detections = found.field("detections")
    flat = detections.flatten()
    owner = np.asarray(pc.list_parent_indices(detections))
    answered = pc.and_(pc.is_valid(detections), pc.is_null(found.field("failure")))
    categories = _labels(spec, images.get("detection_categories", _DEFAULT))
    conf, shares = _confidences(spec, flat, owner), _shares(spec, flat, owner)
    labels = np.array([categories.get(each, "") for each in flat.field("category").to_pylist()], dtype=object)
    count = len(found)
    columns: dict[str, Any] = {"file": found.field("file")}
    for label in LABELS:
        best = np.zeros(count)
        mine = labels == label
        np.maximum.at(best, owner[mine], conf[mine])
        columns[label] = best
    sure = conf >= (LEAST if spec.confidence is None else spec.confidence)
    columns["boxes"] = np.bincount(owner[sure], minlength=count).astype(np.float64)
    largest = np.zeros(count)
    animals = sure & (labels == "animal")
    np.maximum.at(largest, owner[animals], shares[animals])
    columns["largest_box_share"] = largest
    rows = {
        name: values if name == "file" else pc.if_else(answered, pa.array(values), pa.scalar(None, pa.float64()))
        for name, values in columns.items()
    }
    if pc.any(pc.is_null(rows["file"])).as_py():
        refuse(spec, "an image has no file", f"images[{pc.index(pc.is_null(rows['file']), True).as_py()}]", _EXPECTED)
    return ScoreTable(keyed(spec, pa.table(rows), "file", pa.array(np.arange(count)), "image")[0])


def _images(spec: ScoresSpec, path: Path) -> dict[str, Any]:
    try:
        with opened(path) as file:
            tree = json.load(file)
    except json.JSONDecodeError as error:
        what = "the JSON breaks off, or is none" if error.pos >= len(error.doc.rstrip()) - 1 else "the JSON is broken"
        refuse(spec, f"{what}: {error.msg}", f"line {error.lineno}, column {error.colno}", _EXPECTED)
    except (ValueError, RecursionError) as error:
        refuse(spec, f"the JSON cannot be read: {error}", "", _EXPECTED)
    if not isinstance(tree, dict) or not isinstance(tree.get("images"), list):
        refuse(spec, "it has no list of images", "line 1", _EXPECTED)
    return tree


def _labels(spec: ScoresSpec, categories: object) -> dict[str, str]:
    if not isinstance(categories, dict) or not all(isinstance(each, str) for each in categories.values()):
        refuse(spec, "its detection_categories are no names", "detection_categories", '{"1": "animal", ...}')
    labels = {str(key): name.strip().lower() for key, name in categories.items()}
    if not set(labels.values()) & set(LABELS):
        listed = ", ".join(sorted(labels.values())) or "none"
        refuse(spec, f"it has none of the categories {', '.join(LABELS)}: {listed}", "detection_categories")
    return labels


def _confidences(spec: ScoresSpec, flat: pa.StructArray, owner: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    conf: np.ndarray[Any, Any] = np.asarray(pc.fill_null(flat.field("conf"), np.nan))
    wrong = np.flatnonzero(~((conf >= 0) & (conf <= 1)))
    if len(wrong):
        refuse(spec, f"a confidence is {conf[wrong[0]]:g}", f"images[{owner[wrong[0]]}]", "a number from 0 to 1")
    return conf


def _shares(spec: ScoresSpec, flat: pa.StructArray, owner: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the share of the picture that each box covers."""
    boxes = flat.field("bbox")
    sizes = np.asarray(pc.fill_null(pc.list_value_length(boxes), 0))
    wrong = np.flatnonzero(sizes != 4)
    numbers = np.asarray(pc.fill_null(boxes.flatten(), np.nan))
    if not len(wrong):
        numbers = numbers.reshape(-1, 4)
        # Rounded boxes reach a little over the edge.
        wrong = np.flatnonzero(~((numbers >= -0.01) & (numbers <= 1.01)).all(axis=1))
    if len(wrong):
        remedy = "write boxes as MegaDetector does: x, y, width and height, each in shares of the picture"
        where = f"images[{owner[wrong[0]]}]"
        refuse(spec, f"the box {boxes[int(wrong[0])].as_py()} is none", where, "four numbers from 0 to 1", remedy)
    widths = np.minimum(numbers[:, 0] + numbers[:, 2], 1) - np.maximum(numbers[:, 0], 0)
    heights = np.minimum(numbers[:, 1] + numbers[:, 3], 1) - np.maximum(numbers[:, 1], 0)
    shares: np.ndarray[Any, Any] = np.round(np.clip(widths, 0, 1) * np.clip(heights, 0, 1), 6)
    return shares


def _first_wrong(images: list[Any]) -> tuple[int, str]:
    """Return which image is not of the format; told once something is wrong, as looking one by one takes long."""
    for place, image in enumerate(images):
        if not isinstance(image, dict):
            return place, f"an image is {json.dumps(image)[:60]}"
        try:
            pa.array([image], _IMAGE)
        except (pa.ArrowException, TypeError, ValueError) as error:
            return place, f"an image is not as it should be: {' '.join(str(error).split())[:120]}"
    return 0, "the images are not as they should be"
