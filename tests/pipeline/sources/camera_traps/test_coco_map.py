"""COCO labels as records: a box is stored as far as it lies in its image, and says so where it was cut."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.sources.camera_traps.test_coco_camera_traps import KIND, image, label, write
from tests.pipeline.sources.conftest import Reader


def test_a_box_that_reaches_beyond_its_image_is_cut_and_says_so(tmp_path: Path, read_release: Reader) -> None:
    boxes = ([-5, 20, 30, 40], [980, 480, 20, 20], [990, 480, 15, 20])
    path = write(tmp_path / "set.json", [image(1)], [label(n, 1, bbox=box) for n, box in enumerate(boxes)])
    read = read_release(KIND, path, media="store")
    records = sorted(read.records, key=lambda row: str(row["source_record_id"]))
    assert [[row[f"box_{side}"] for side in "xywh"] for row in records] == [
        [0, 20, 25, 40],
        [980, 480, 20, 20],
        [990, 480, 10, 20],
    ]
    assert [row["issues"] for row in records] == [["BOX_CLIPPED"], [], ["BOX_CLIPPED"]]
