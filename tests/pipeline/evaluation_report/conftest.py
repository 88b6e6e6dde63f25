"""Shards of a drawn tree, with pictures that tell their taxon, and evaluations of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pipeline.evaluate import EvaluationRules, RunEvaluation, evaluate_run, write_embeddings
from pipeline.evaluation_report import Beside, write_with_report
from pipeline.shards import ShardWriter, shard_name
from pipeline.stages.shards import MANIFEST_SCHEMA
from pipeline.storage.files.atomic import write_table
from tests.pipeline.evaluate.conftest import draw

RULES = EvaluationRules(permutations=19, folds=2)
Rows = list[dict[str, object]]


@dataclass(frozen=True)
class Written:
    """Shards of a drawn tree, vectors of their pictures and of their texts."""

    shards: Path
    embeddings: Path
    texts: Path

    def evaluated(self, texts: bool = True, condition: str = "") -> RunEvaluation:
        given = self.texts if texts else None
        return evaluate_run(self.shards, self.embeddings, given, rules=RULES, condition=condition)

    def page(self, out: Path, texts: bool = True, condition: str = "", beside: Beside | None = None) -> str:
        done = self.evaluated(texts, condition)
        names = write_with_report(out, self.shards, self.embeddings, done, beside)
        assert sorted(path.name for path in out.iterdir()) == sorted(names)
        return (out / "report.html").read_text(encoding="utf-8")


def colour(taxon: int) -> tuple[int, int, int]:
    """Return the colour of all pictures of a taxon."""
    return (7 * taxon % 256, 255 - 6 * taxon, 40 * (taxon % 6))


def jpeg(taxon: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 20), colour(taxon)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write(folder: Path, change: Callable[[Rows], Rows] = lambda rows: rows, noise: float = 6.0) -> Written:
    """Write shards of the drawn tree, one for each split, after a change of their rows."""
    drawn = draw(each=6, noise=noise)
    shards = folder / "shards"
    shards.mkdir(parents=True)
    rows: Rows = [dict(row) for row in change(drawn.table.to_pylist())]
    names: Mapping[str, str] = {
        str(split): shard_name(str(split), 0) for split in sorted({str(row["split"]) for row in rows})
    }
    for split, name in names.items():
        with (shards / name).open("wb") as file:
            writer = ShardWriter(file)
            for row in rows:
                if row["split"] == split:
                    at = writer.add(str(row["key"]), [("jpg", jpeg(int(str(row["accepted_id"])[1:])))])
                    row["shard"] = name
                    row["jpg_offset"], row["jpg_length"] = at.members[0].offset, at.members[0].size
            writer.close()
    write_table(shards / "manifest.parquet", pa.Table.from_pylist(rows, MANIFEST_SCHEMA))
    wanted = {str(row["key"]) for row in rows}
    kept = [place for place, key in enumerate(drawn.pictures.keys) if key in wanted]
    keys = [drawn.pictures.keys[place] for place in kept]
    write_embeddings(folder / "e.parquet", keys, drawn.images[kept].astype(np.float32))
    classes = sorted({str(row["accepted_id"]) for row in rows})
    texts = drawn.texts[[int(each[1:]) for each in classes]].astype(np.float32)
    write_embeddings(folder / "t.parquet", classes, texts, key="accepted_id")
    return Written(shards, folder / "e.parquet", folder / "t.parquet")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tmp_path_factory.mktemp("written"))
