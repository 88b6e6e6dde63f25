"""The training script of examples/ runs where torch is, which need not be where the other tests run."""

from __future__ import annotations

import re

import pyarrow.parquet as pq

from tests.conftest import Demo
from tests.oracles.environment import ROOT, ran

NEEDS = ("torch", "fsspec", "numpy", "pyarrow", "PIL")


def test_the_training_script_goes_on_from_its_checkpoint_with_a_falling_loss_and_the_same_batches(demo: Demo) -> None:
    words = [str(ROOT / "examples" / "train_with_torch.py"), str(demo.out)]
    said = ran(words, NEEDS)
    trained = pq.read_table(demo.out / "shards" / "manifest.parquet", filters=[("split", "=", "train")])
    taxa = len(trained["accepted_id"].unique())
    assert said.splitlines()[0] == f"{trained.num_rows:,} samples of {taxa:,} taxa"
    steps = re.findall(r"^step (\d+): loss (\d+\.\d+)$", said, re.MULTILINE)
    assert [int(step) for step, _ in steps] == list(range(8))
    assert float(steps[-1][1]) < float(steps[0][1])
    assert said == ran(words, NEEDS), "the same steps are the same batches"
