"""A dataset of some hundred noisy pictures in several shards, as the shards stage leaves it, made in a second."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.shards import ShardWriter, shard_name
from pipeline.stages.shards import MANIFEST_SCHEMA
from pipeline.storage.files.atomic import write_table

GENERA = ("Puma", "Lynx", "Felis", "Panthera", "Ursus")
SHARDS, EACH = 5, 37


def picture(number: int) -> bytes:
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((48 + number % 3 * 8, 40), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of shards; taxon t has about 2 ** t times as many samples as taxon 0, one sample in ten is for val."""
    folder = tmp_path_factory.mktemp("dataset") / "shards"
    folder.mkdir()
    rows = []
    for shard in range(SHARDS):
        name = shard_name("tiny", shard)
        with (folder / name).open("wb") as file:
            writer = ShardWriter(file)
            for place in range(EACH):
                number = shard * EACH + place
                taxon = min(4, (number % 31 + 1).bit_length() - 1)
                data = picture(number)
                key = hashlib.sha256(str(number).encode()).hexdigest()[:32]
                at = writer.add(key, [("jpg", data), ("txt", b"a photo of a cat.")])
                rows.append(
                    {
                        "key": key,
                        "record_id": key,
                        "shard": name,
                        "jpg_offset": at.members[0].offset,
                        "jpg_length": at.members[0].size,
                        "split": "val" if number % 10 == 9 else "train",
                        "accepted_id": f"t{taxon}",
                        "genus": GENERA[taxon],
                        "vernacular_name": None if taxon else "cougar",
                    }
                )
            writer.close()
    write_table(folder / "manifest.parquet", pa.Table.from_pylist(rows, MANIFEST_SCHEMA))
    return folder
