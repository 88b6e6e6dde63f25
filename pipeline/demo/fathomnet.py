"""FathomNet's layout: the API's JSON list of images, each with its bounding boxes in pixels of the native frame."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.demo.archives import Order
from pipeline.demo.draw import Box
from pipeline.demo.truth import Claim
from pipeline.model import ids

SOURCE = "fathomnet"
IMAGES = "fathomnet/images.json"
LICENCE = "http://creativecommons.org/licenses/by-nc-nd/4.0/"
FAMILY = "CC-BY-NC-ND"
FRAME = (480, 360)
"""Size of the native frames, in pixels."""
Json = dict[str, object]


@dataclass(slots=True)
class Frame:
    """One image as the API states it, to which boxes are added."""

    uuid: str
    image: Json
    boxes: list[Json] = field(default_factory=list)

    def box(self, concept: str, place: Box, *, rejected: bool = False, specific: bool = True) -> Claim:
        """Add a box (x, y, width, height) and give its claim; `rejected` is the provider's own verdict."""
        x, y, width, height = place
        uuid = ids.make_id("biota", "fathomnet", self.uuid, str(len(self.boxes)))
        self.boxes.append(
            {
                "uuid": uuid,
                "userDefinedKey": None,
                "concept": concept,
                "altConcept": None,
                "groupOf": False,
                "height": height,
                "width": width,
                "x": x,
                "y": y,
                "occluded": None,
                "truncated": False,
                "observer": "yolov5" if len(self.boxes) % 3 == 2 else "b.observer",
                "rejected": rejected,
                "verified": False,
                "reviewState": "REJECTED" if rejected else "UNVERIFIED",
                "createdTimestamp": "2024-05-01T00:00:00Z",
                "lastUpdatedTimestamp": "2024-05-01T00:00:00Z",
            }
        )
        return Claim(ids.record_id(SOURCE, self.uuid, self.uuid, uuid), SOURCE, specific, FAMILY, width * height)

    def key(self, row_id: str) -> str:
        """Return the box's own id behind a row id."""
        uuids = [str(box["uuid"]) for box in self.boxes]
        return next(uuid for uuid in uuids if ids.record_id(SOURCE, self.uuid, self.uuid, uuid) == row_id)

    def empty(self) -> str:
        """Return the row id of an image that has no boxes."""
        return ids.record_id(SOURCE, self.uuid, self.uuid)


@dataclass(slots=True)
class FathomnetSheet:
    """The images as they are collected."""

    frames: list[Frame] = field(default_factory=list)

    def frame(self, url: str, data: bytes, *, size: tuple[int, int] = FRAME, valid: bool = True) -> Frame:
        """Add an image of the declared size, without boxes yet."""
        number = len(self.frames)
        uuid = ids.make_id("biota", "fathomnet", str(number))
        image: Json = {
            "uuid": uuid,
            "url": url,
            "valid": valid,
            "imagingType": "ROV",
            "depthMeters": None if number % 7 == 3 else 200.0 + 31.5 * number,
            "height": size[1],
            "width": size[0],
            "lastValidation": "2025-01-01T00:00:00Z",
            "latitude": None if number % 9 == 5 else 36.5 + number / 100,
            "longitude": None if number % 9 == 5 else -122.0 - number / 100,
            "altitude": None,
            "salinity": 34.1,
            "temperatureCelsius": 4.2,
            "oxygenMlL": 0.6,
            "pressureDbar": None,
            "mediaType": "IMAGE",
            "modified": False,
            "sha256": hashlib.sha256(data).hexdigest(),
            "contributorsEmail": "demo@biota.test",
            "tags": [],
            "timestamp": f"2023-07-{1 + number % 28:02}T12:00:00Z",
            "createdTimestamp": "2024-05-01T00:00:00Z",
            "lastUpdatedTimestamp": "2024-05-01T00:00:00Z",
        }
        self.frames.append(Frame(uuid, image))
        return self.frames[-1]

    def write(self, folder: Path, order: Order) -> None:
        """Write the list."""
        images = [
            frame.image | {"boundingBoxes": order.of(f"fathomnet/{frame.uuid}", frame.boxes)}
            for frame in order.of("fathomnet/images", self.frames)
        ]
        path = folder / IMAGES
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(images, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
