"""A dataset of small pictures that can be learnt from in seconds: the colour of the ground tells the genus, that of the
square upon it the species."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from pipeline.shards import ShardWriter, shard_name
from pipeline.stages.shards import MANIFEST_SCHEMA
from pipeline.storage.files.atomic import write_table

SHARDS, EACH, TAXA = 4, 120, 12


def picture(taxon: int, number: int, size: tuple[int, int] = (64, 56)) -> bytes:
    chance = np.random.default_rng(number)
    ground = np.random.default_rng(taxon // 3).integers(0, 256, 3)
    square = np.random.default_rng(1000 + taxon).integers(0, 256, 3)
    pixels = np.zeros((56, 64, 3)) + ground
    top, left = chance.integers(0, 28, 2)
    pixels[top : top + 28, left : left + 32] = square
    pixels += chance.normal(0, 12, pixels.shape)
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if image.size != size:
        image = image.resize(size)
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_dataset(
    folder: Path,
    seed: int = 0,
    taxa: int = TAXA,
    each: int = EACH,
    sizes: tuple[tuple[int, int], ...] = ((64, 56),),
) -> Path:
    """Write shards with a manifest, one sample in five for val; the pictures have the sizes in turn."""
    folder.mkdir(parents=True)
    rows = []
    chance = np.random.default_rng(seed)
    for shard in range(SHARDS):
        name = shard_name("drawn", shard)
        with (folder / name).open("wb") as file:
            writer = ShardWriter(file)
            for place in range(each):
                number, taxon = shard * each + place, int(chance.integers(taxa))
                key = hashlib.sha256(f"{seed}|{number}".encode()).hexdigest()[:32]
                at = writer.add(
                    key, [("jpg", picture(taxon, number, sizes[number % len(sizes)])), ("txt", b"a photo of a cat.")]
                )
                rows.append(
                    {
                        "key": key,
                        "record_id": key,
                        "shard": name,
                        "jpg_offset": at.members[0].offset,
                        "jpg_length": at.members[0].size,
                        "split": "val" if number % 5 == 4 else "train",
                        "accepted_id": f"t{taxon:02d}",
                        "kingdom": "Animalia",
                        "family": f"Familia{taxon // 6}",
                        "genus": f"Genus{taxon // 3}",
                        "species": f"Genus{taxon // 3} species{taxon}",
                        "vernacular_name": None if taxon % 2 else f"beast {taxon}",
                    }
                )
            writer.close()
    write_table(folder / "manifest.parquet", pa.Table.from_pylist(rows, MANIFEST_SCHEMA))
    return folder
