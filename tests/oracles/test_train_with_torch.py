"""The training script of examples/ runs where torch is, which need not be where the other tests run."""

from __future__ import annotations

import math
import re

import pyarrow.parquet as pq

from tests.conftest import Demo
from tests.oracles.environment import ROOT, ran

NEEDS = ("torch", "fsspec", "numpy", "pyarrow", "duckdb", "PIL")


def test_the_training_script_goes_on_from_its_checkpoint_and_sees_the_same_batches_again(demo: Demo) -> None:
    words = [str(ROOT / "examples" / "train_with_torch.py"), str(demo.out)]
    said = ran(words, NEEDS)
    trained = pq.read_table(demo.out / "shards" / "manifest.parquet", filters=[("split", "=", "train")])
    taxa = len(trained["accepted_id"].unique())
    assert said.splitlines()[0] == f"{trained.num_rows:,} samples of {taxa:,} taxa"
    steps = re.findall(r"^step (\d+): loss (\d+\.\d+)$", said, re.MULTILINE)
    assert [int(step) for step, _ in steps] == list(range(8))
    # Eight steps over as many taxa learn nothing yet: a guess of all taxa alike costs the logarithm of their number.
    assert all(0 < float(loss) < 2 * math.log(taxa) for _, loss in steps)
    assert said == ran(words, NEEDS), "the same steps are the same batches"
