"""The benchmark to hold out: a folder of test images, and the list of ids that its makers published."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.demo.archives import Order

NAME = "biota-heldout"
IMAGES = f"benchmarks/{NAME}/images"
IDS = f"benchmarks/{NAME}/ids.csv"
HEADER = ("media_key", "record_key")


@dataclass(slots=True)
class HeldOutSheet:
    """The test images by file name, and the listed keys."""

    images: dict[str, bytes] = field(default_factory=dict)
    keys: list[tuple[str, str]] = field(default_factory=list)

    def add(self, data: bytes, suffix: str = ".jpg") -> str:
        """Add a test image and give its file name."""
        name = f"test-{len(self.images):03}{suffix}"
        self.images[name] = data
        return name

    def list_media(self, key: str) -> None:
        """List a medium, by its key across sources."""
        self.keys.append((key, ""))

    def list_record(self, source: str, source_record_id: str) -> None:
        """List a record, by its source and its id there."""
        self.keys.append(("", f"{source}:{source_record_id}"))

    def write(self, folder: Path, order: Order) -> None:
        """Write images and ids."""
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        for name, data in sorted(self.images.items()):
            (folder / IMAGES / name).write_bytes(data)
        with (folder / IDS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(order.of("heldout/ids", self.keys))
