"""BIOSCAN-5M's layout: a metadata CSV of 23 columns, and a zip of cropped images in folders by split and chunk.

The chunk is the first two hexadecimal digits of md5(processid) in the split 'pretrain', the first one in 'train' and
'other_heldout', and absent elsewhere (Gharaee et al. 2024, BIOSCAN-5M, and its published loader).
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.demo.archives import Order, write_zip
from pipeline.demo.species import Naming
from pipeline.demo.truth import Claim
from pipeline.model import ids

SOURCE = "bioscan"
METADATA = "bioscan/BIOSCAN_5M_Insect_Dataset_metadata.csv"
IMAGES = "bioscan/BIOSCAN_5M_cropped_256.zip"
SIDE = 256
"""Side of the published crops, in pixels."""
LICENCE = "http://creativecommons.org/licenses/by/3.0/"
FAMILY = "CC-BY"
HEADER = (
    *("processid", "sampleid", "taxon", "phylum", "class", "order", "family", "subfamily", "genus", "species"),
    *("dna_bin", "dna_barcode", "country", "province_state", "coord-lat", "coord-lon", "image_measurement_value"),
    *("area_fraction", "scale_factor", "inferred_ranks", "split", "index_bioscan_1M_insect", "chunk"),
)
_CHUNK_DIGITS = {"pretrain": 2, "train": 1, "other_heldout": 1}


@dataclass(slots=True)
class BioscanSheet:
    """The rows of the metadata and the images of the store as they are collected."""

    lines: list[str] = field(default_factory=list)
    images: list[tuple[str, bytes]] = field(default_factory=list)

    def specimen(self, naming: Naming, data: bytes | None, *, split: str, species: str | None = None) -> Claim:
        """Add a specimen, with its image unless the store is to lack it; `species` overrides the species column."""
        number = len(self.lines)
        process = f"BIOTA{100 + number}-24"
        chunk = chunk_of(process, split)
        chance = random.Random(f"barcode|{process}")
        phylum, class_, order, family, genus, name = naming.lineage[1:]
        name = name if species is None else species
        placed = number % 6 != 2
        cells = (
            *(process, f"BIOUG{51_000 + number}-A{1 + number % 12:02}", name or naming.canonical),
            *(phylum, class_, order, family, "", genus, name),
            *(
                f"BOLD:AAA{1000 + number}",
                "".join(chance.choice("ACGT") for _ in range(120)),
                "Costa Rica",
                "Guanacaste",
            ),
            *(f"{10.5 + number / 100:.3f}" if placed else "", f"{-85.5 + number / 100:.3f}" if placed else ""),
            *(str(20_000 + 311 * number), f"{0.1 + number / 500:.5f}", f"{1 + number / 90:.4f}", "0"),
            *(split, str(40_000 + number) if number % 4 else "", chunk),
        )
        self.lines.append(_csv_line(cells))
        if data is not None:
            self.images.append((image_path(process, split), data))
        return Claim(self.row_id(process), SOURCE, naming.specific, FAMILY, SIDE * SIDE, vouched=True)

    @staticmethod
    def row_id(process: str) -> str:
        """Return the row id of a specimen."""
        return ids.record_id(SOURCE, process, process)

    def last(self) -> str:
        """Return the processid of the specimen added last."""
        return self.lines[-1].split(",", 1)[0]

    def write(self, folder: Path, order: Order) -> None:
        """Write metadata and image store."""
        lines = [",".join(HEADER), *order.of("bioscan/metadata", self.lines), ""]
        path = folder / METADATA
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes("\n".join(lines).encode())
        write_zip(folder / IMAGES, order.of("bioscan/images", self.images))


def chunk_of(processid: str, split: str) -> str:
    """Return the chunk folder of a specimen, empty where its split has none.

    >>> chunk_of("BIOTA100-24", "pretrain"), chunk_of("BIOTA100-24", "train"), chunk_of("BIOTA100-24", "val")
    ('0c', '0', '')
    """
    return hashlib.md5(processid.encode()).hexdigest()[: _CHUNK_DIGITS.get(split, 0)]


def image_path(processid: str, split: str) -> str:
    """Return the member of the image zip that holds a specimen's crop."""
    folders = "/".join(part for part in (split, chunk_of(processid, split)) if part)
    return f"bioscan5m/images/cropped_256/{folders}/{processid}.jpg"


def _csv_line(cells: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()
