"""The lines that `feed --print-command` prints run as they are: open_clip's trainer, from its package, in a shell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.commands.cli import main
from tests.conftest import Demo
from tests.oracles.environment import interpreter, ran, surroundings

NEEDS = ("open_clip", "open_clip_train", "torchvision", "webdataset==0.2.86")
TINY = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {},
}


@pytest.fixture(scope="module")
def folder(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the demo's shards with a path that a shell would take apart, a model's configuration beside."""
    root = tmp_path_factory.mktemp("trainers") / "o'neil's shards; exit 1"
    shutil.copytree(demo.out / "shards", root / "shards")
    (root / "tiny").mkdir()
    (root / "tiny" / "open_clip_config.json").write_text(json.dumps(TINY))
    return root


def printed(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> list[str]:
    model = ["--model", f"local-dir:{folder / 'tiny'}", "--batch", "32"]
    assert main(["feed", "--print-command", "open_clip", *model, *options, str(folder / "shards")]) == 0
    return capsys.readouterr().out.splitlines()


def trained(line: str, folder: Path, more: str = "--epochs 1 --warmup 1") -> str:
    """Run a printed line in a shell, for one epoch where it names no other, and give what the trainer logged."""
    env = surroundings(interpreter(*NEEDS))
    done = subprocess.run(
        f"{line} {more}", shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.mark.parametrize("form", ["python", "torchrun"])
def test_open_clips_trainer_trains_and_evaluates_from_the_printed_line(
    form: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interpreter(*NEEDS)
    lines = printed(capsys, folder, *(("--ranks", "2") if form == "torchrun" else ()))
    log = trained(next(line for line in lines if line.startswith(form)), folder)
    seen = [int(number) for number in re.findall(r"Train Epoch: 0 \[ *(\d+)/", log)]
    assert max(seen) >= 300, "every training sample was read"
    losses = re.findall(r"(?:Contrastive_loss|Clip Loss): *(\S+)", log)
    assert "Eval Epoch: 1 " in log and len(losses) >= 3 and all(0 < float(loss) < 10 for loss in losses)


RECIPE = """
batch = 32
steps = 24
warmup = 3
rate = 3e-4
decay = 0.05
beta1 = 0.8
beta2 = 0.95
epsilon = 1e-7
clip = 0.5
seed = 11
precision = "bf16"
checkpointing = true
accumulation = 2
"""


def test_open_clips_trainer_takes_all_of_a_recipe_from_the_printed_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interpreter(*NEEDS)
    (tmp_path / "mine.toml").write_text(RECIPE)
    lines = printed(capsys, folder, "--recipe", str(tmp_path / "mine.toml"))
    line = next(line for line in lines if line.startswith("python"))
    log = trained(line, folder, "--name recipe")
    (told,) = folder.rglob("recipe/params.txt")
    params = dict(each.split(": ", 1) for each in told.read_text().splitlines() if ": " in each)
    for name, value in (
        ("lr", 3e-4), ("wd", 0.05), ("beta1", 0.8), ("beta2", 0.95), ("eps", 1e-7), ("warmup", 3), ("seed", 11),
        ("grad_clip_norm", 0.5), ("batch_size", 16), ("accum_freq", 2),
    ):  # fmt: skip
        assert float(params[name]) == value, name
    assert (params["precision"], params["grad_checkpointing"]) == ("amp_bf16", "True")
    # The steps that open_clip itself does come to those of the recipe, or as the remark says.
    epochs = int(params["epochs"])
    said = re.search(r"# (\d+) epochs of (\d+) steps are", "\n".join(lines))
    each = int(said[2]) if said else 24 // epochs
    done = [epoch for epoch, _ in re.findall(r"Train Epoch: (\d+) \[ *(\d+)/", log)]
    assert [done.count(str(epoch)) for epoch in range(epochs)] == [each] * epochs and epochs >= 2
    assert f"Eval Epoch: {epochs} " in log
    rates = [float(rate) for rate in re.findall(r"LR: (\d+\.\d+)", log)]
    assert max(rates) == pytest.approx(3e-4, rel=0.05) and rates[-1] < 3e-5


def test_the_printed_requirements_are_those_that_the_trainers_were_tested_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = set((Path(__file__).with_name("trainers.txt")).read_text().split("\n"))
    install = next(line for line in printed(capsys, folder) if line.startswith("pip install "))
    assert set(install.split()[2:]) <= wanted


def test_torchrun_gives_the_same_batches_to_any_number_of_processes(demo: Demo) -> None:
    script = str(Path(__file__).with_name("torch_ranks.py"))
    found = []
    for world in (1, 2):
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(world), script]
        out = ran([*launch, str(demo.out / "shards")], ("torch", "fsspec", "pyarrow", "duckdb", "PIL"))
        found.append(json.loads(out.strip().splitlines()[-1]))
    assert [each.pop("world") for each in found] == [1, 2]
    assert found[0] == found[1] and [len(batches) for batches in found[0].values()] == [6, 6]
