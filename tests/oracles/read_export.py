"""Read exports with torchvision's and COCO's classes, and print as JSON what they see: `read_export.py KIND DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def folders(root: Path, empty: bool) -> dict[str, object]:
    import torchvision_without_operators  # noqa: F401
    from torchvision.datasets import ImageFolder

    options = {"allow_empty": True} if empty else {}
    splits = {path.name: ImageFolder(str(path), **options) for path in sorted(root.iterdir()) if path.is_dir()}
    return {name: {"class_to_idx": split.class_to_idx, "images": len(split)} for name, split in splits.items()}


def coco(root: Path) -> dict[str, object]:
    from pycocotools.coco import COCO

    found: dict[str, object] = {}
    for path in sorted((root / "annotations").glob("*.json")):
        index = COCO(str(path))
        image_of = {image["id"]: image["key"] for image in index.imgs.values()}
        every = index.getAnnIds(areaRng=[0, 1e9])
        boxed = [note for note in index.loadAnns(every) if "bbox" in note]
        # What COCO's evaluation and masks make of a box.
        shown = [
            [image_of[note["image_id"]], note["bbox"], int(index.annToMask(_as_polygon(note)).sum())] for note in boxed
        ]
        files = [(root / "images" / path.stem / image["file_name"]).exists() for image in index.imgs.values()]
        found[path.stem] = {"images": len(index.imgs), "annotations": len(every), "boxes": shown, "files": all(files)}
    return found


def _as_polygon(note: dict[str, Any]) -> dict[str, Any]:
    x, y, w, h = note["bbox"]
    return {**note, "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]}


if __name__ == "__main__":
    kind, place = sys.argv[1], Path(sys.argv[2])
    sys.stdout, out = sys.stderr, sys.stdout
    answer = coco(place) if kind == "coco" else folders(place, kind == "empty-folders")
    print(json.dumps(answer), file=out)
