"""A recipe as a published trainer's options: every setting is an option, or is said not to be."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from braceexpand import braceexpand

from pipeline.commands.cli import main
from pipeline.feed.trainers import NOTHING, Shards, command_lines
from pipeline.model.errors import FeedError, UsageError
from pipeline.train import Settings
from pipeline.train.recipes import read_settings
from pipeline.train.trainer_options import _OWN, asked_by
from tests.pipeline.feed.test_trainers import folder, words
from tests.train.pair_tars import write_pairs

SHARDS = Shards(Path("/data"), {"train": {f"d-{number:06d}.tar": 10_000 for number in range(64)}})


def lines(settings: Settings, trainer: str, ranks: int = 1, shards: Shards = SHARDS) -> list[str]:
    asked = asked_by(settings, trainer)
    return list(command_lines(trainer, shards, "M", "fp32", settings.batch, ranks, asked))


def runs(settings: Settings, ranks: int = 8) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the options of the one process' line and of that of several, and the remarks."""
    said = lines(settings, "open_clip", ranks)
    one, many = [words(line) for line in said if line.startswith(("python", "torchrun"))]
    return one, many, [line for line in said if line.startswith("#")]


OTHER: dict[str, Any] = {
    "model": "open_clip:ViT-L-14@w.pt", "text": ("sci",), "mix": "sample", "precision": "bf16", "sampler": "sqrt",
    "objective": "classify", "head": "hierarchical", "crop": "squash", "journals": ("wandb",), "device": "cpu",
    "cap": 3, "replay": "/r", "replay_batch": 8, "clip": 0.5, "mode": "stream", "decoder": "simplejpeg",
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Settings)])
def test_no_setting_is_left_out_in_silence(name: str) -> None:
    """Whatever is set otherwise changes the lines, or it is of Biomill's own reading; and a trainer is told of it."""
    default = getattr(Settings(), name)
    plain = (
        Settings(sampler="cap", cap=2)
        if name == "cap"
        else Settings(replay_batch=2)
        if name == "replay"
        else Settings()
    )
    value = OTHER.get(name, not default if isinstance(default, bool) else "x" if default == "" else default)
    if value == default:
        value = default * 2 if default else 7
    changed = dataclasses.replace(plain, **{name: value})
    if name in ("objective", "head"):
        with pytest.raises(UsageError, match="images against texts"):
            asked_by(dataclasses.replace(changed, objective="classify"), "open_clip")
        return
    if name in ("replay", "cap"):  # with the other half of it they are said
        assert any(name in line for line in lines(changed, "open_clip"))
        return
    if name in ("model", "precision"):
        return  # beside the recipe's other options: test_model_and_precision
    same = lines(changed, "open_clip") == lines(plain, "open_clip")
    assert same == (name in _OWN)


def test_the_published_recipe_is_told_in_the_trainers_words() -> None:
    settings = read_settings("bioclip")
    one, many, remarks = runs(settings)
    for option, value in (
        ("--lr", 1e-4), ("--warmup", 1000), ("--wd", 0.2), ("--beta1", 0.9), ("--beta2", 0.98), ("--eps", 1e-6),
        ("--seed", 0), ("--grad-clip-norm", 1.0),
    ):  # fmt: skip
        assert float(one[option]) == float(many[option]) == value
    assert "--grad-checkpointing" in one
    assert int(one["--batch-size"]) == 32_768 and int(many["--batch-size"]) == 4_096
    assert sum("text sci, com, taxon" in line for line in remarks) == 1


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("accumulation", [1, 2, 8])
@pytest.mark.parametrize("steps", [70, 1000, 12_345])
def test_epochs_come_to_the_steps_as_open_clip_counts_them(ranks: int, accumulation: int, steps: int) -> None:
    settings = Settings(batch=1024, accumulation=accumulation, steps=steps)
    one, many, remarks = runs(settings, ranks)
    for said, world in ((one, 1), (many, ranks if ranks > 1 else 8)):
        each, workers = int(said["--batch-size"]), int(said["--workers"])
        parts = int(said.get("--accum-freq", 1))
        assert each * parts * world == 1024
        batches = math.ceil(math.ceil(640_000 / (each * world)) / workers) * workers  # open_clip_train/data.py
        total = batches // parts * int(said["--epochs"])
        assert abs(total - steps) <= batches // parts / 2 or int(said["--epochs"]) == 1
        assert (total == steps) or any(f"are {total:,}, where the recipe has {steps:,}" in line for line in remarks)


def test_replay_is_for_bioclip2_and_said_to_others(tmp_path: Path) -> None:
    tars = write_pairs(tmp_path / "laion")
    settings = Settings(replay=str(tars), replay_batch=16, batch=256, accumulation=4, text=("sci", "com"))
    asked = asked_by(settings, "bioclip2")
    assert [Path(each).name for each in braceexpand(asked.replay)] == ["00000.tar", "00001.tar", "00002.tar"]
    (tmp_path / "shards").mkdir()
    root = folder(tmp_path / "shards", "bioclip", (90,) * 8)
    shards = Shards(root, {"train": {f"d-train-{number:06d}.tar": 90 for number in range(8)}})
    said = lines(settings, "bioclip2", 4, shards)
    one, many = [words(line) for line in said if line.startswith(("python", "torchrun"))]
    for line in said:
        assert not line.startswith("python") or "--continual_text_type ''" in line
    assert one["--continual-batch-size"] == "16" and many["--continual-batch-size"] == "4"
    assert one["--text_type"] == "random" and "--dataset-resampled" in one and "--accum-freq" not in one
    assert any("accumulation 4" in line for line in said) and any("all five" in line for line in said)
    said = lines(settings, "open_clip")
    assert not any("--continual" in line for line in said)
    assert any("replay of 16 pairs a step: open_clip has none" in line for line in said)
    assert any(
        "names no data" in line for line in lines(read_settings("bioclip2", ["batch=64"]), "bioclip2", 1, shards)
    )


def test_a_replay_that_the_trainer_could_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a{b}").mkdir()
    for where, said in (
        ("s3://b/laion", "local folders"),
        (str(tmp_path), "no tar"),
        (str(tmp_path / "a{b}"), "expands"),
    ):
        with pytest.raises(FeedError, match=said):
            asked_by(Settings(replay=where, replay_batch=8), "bioclip2")


def test_the_command_takes_a_recipe_by_name_or_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shards").mkdir()
    root, recipe = folder(tmp_path / "shards", train=(90,) * 8), tmp_path / "mine.toml"
    recipe.write_text(
        'model = "open_clip:ViT-B-32@w.pt"\nbatch = 64\nsteps = 30\nwarmup = 3\nprecision = "bf16"\nseed = 4\n'
    )
    assert main(["feed", str(root), "--print-command", "open_clip", "--recipe", str(recipe)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("python"))
    said = words(line)
    told = {"--model": "ViT-B-32", "--pretrained": "w.pt", "--precision": "amp_bf16", "--seed": "4", "--epochs": "2"}
    assert told.items() <= said.items() and said["--batch-size"] == "64"
    options = ["--recipe", str(recipe), "--model", "RN50", "--precision", "fp32", "--batch", "32"]
    assert main(["feed", str(root), "--print-command", "open_clip", *options]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("python"))
    assert (words(line)["--model"], words(line)["--precision"], words(line)["--batch-size"]) == ("RN50", "fp32", "32")
    assert "--pretrained" not in line
    assert main(["feed", str(root), "--recipe", str(recipe)]) == 2
    assert main(["feed", str(root), "--print-command", "open_clip", "--recipe", "bioclp"]) == 2
    assert "write 'bioclip'" in capsys.readouterr().err


def test_without_a_recipe_the_trainer_keeps_its_own() -> None:
    line = next(line for line in command_lines("open_clip", SHARDS, "M", "fp32", 32, 1, NOTHING) if "python" in line)
    assert set(words(line)) == {
        *(
            "--dataset-type",
            "--train-data",
            "--train-num-samples",
            "--model",
            "--precision",
            "--batch-size",
            "--workers",
        )
    }
