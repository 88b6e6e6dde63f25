"""The benchmark of growth goes through every stage, with drawn answers and with pictures that are fetched."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from pipeline.storage.run_folder import STAGES


@pytest.mark.parametrize(("option", "sizes"), [("--tars", ("300", "600")), ("--pictures", ("300",))])
def test_every_stage_is_measured_at_every_size(option: str, sizes: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "tests.performance.bench_growth", *sizes, option]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^ +(\d+) (\w+) +([\d.]+) CPU s .* (\d+) MB peak .* ([\d,]+) files", told, re.MULTILINE)
    assert [(size, stage) for size, stage, *_ in lines] == [
        (size, stage) for size in sizes for stage in (*STAGES, "again")
    ]
    assert all(int(peak) > 0 for *_, peak, _ in lines)
