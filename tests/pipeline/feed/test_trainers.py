"""The lines for published trainers name exactly the shards there are, and never what the trainers could not read."""

from __future__ import annotations

import math
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from braceexpand import braceexpand
from hypothesis import given
from hypothesis import strategies as st

from pipeline.commands.cli import main
from pipeline.feed.trainers import Shards, brace_ranges, command_lines, local_shards
from pipeline.model.errors import FeedError
from pipeline.shards import MemberLocation, SampleLocation, dali_index, index_path, member_suffixes

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=70)


def folder(
    root: Path, layout: str = "default", train: tuple[int, ...] = (9, 11, 10), val: tuple[int, ...] = (3,)
) -> Path:
    rows = []
    for split, sizes in (("train", train), ("val", val)):
        for number, size in enumerate(sizes):
            shard = f"d-{split}-{number:06d}.tar"
            members = tuple(MemberLocation(suffix, 512, 1) for suffix in member_suffixes(layout))
            index_path(root / shard).write_text(dali_index([SampleLocation("k", 0, 1024, members)] * size))
            rows += [{"key": f"{shard}{k}", "split": split, "shard": shard} for k in range(size)]
    pq.write_table(pa.Table.from_pylist(rows), root / "manifest.parquet")
    return root


def words(line: str) -> dict[str, str]:
    """Return the options of a line, as a shell splits it."""
    found = shlex.split(line)
    places = [at for at, word in enumerate(found) if word.startswith("--")]
    return {
        found[at]: found[at + 1] if at + 1 < len(found) and not found[at + 1].startswith("--") else "" for at in places
    }


def expanded(pattern: str) -> list[str]:
    """Return the files that webdataset makes of a pattern."""
    return [file for part in pattern.split("::") for file in braceexpand(part)]


@given(st.sets(st.integers(0, 60), min_size=1))
def test_ranges_expand_to_the_names_again(numbers: set[int]) -> None:
    names = [f"b-train-{number:06d}.tar" for number in sorted(numbers)]
    assert expanded("::".join(brace_ranges(names))) == names


@given(SIZES, SIZES, st.integers(1, 300), st.integers(1, 16))
def test_every_worker_has_a_shard_and_a_batch_or_shards_are_resampled(
    train: list[int], val: list[int], batch: int, ranks: int
) -> None:
    """Else open_clip ends with an assertion, or reads on and never gives a batch."""
    splits = {"train": {f"t-{n:03d}.tar": size for n, size in enumerate(train)},
              "val": {f"v-{n:03d}.tar": size for n, size in enumerate(val)}}  # fmt: skip
    shards = Shards(Path("/s"), splits)
    if not ranks <= batch <= sum(train):
        with pytest.raises(FeedError):
            list(command_lines("open_clip", shards, "ViT-B-16", "fp32", batch, ranks))
        return
    for line in command_lines("open_clip", shards, "ViT-B-16", "fp32", batch, ranks):
        if not line.startswith(("python", "torchrun")):
            assert line.startswith(("pip", "#"))
            continue
        said = words(line)
        assert expanded(said["--train-data"]) == [f"/s/{name}" for name in splits["train"]]
        assert expanded(said["--val-data"]) == [f"/s/{name}" for name in splits["val"]]
        assert (int(said["--train-num-samples"]), int(said["--val-num-samples"])) == (sum(train), sum(val))
        readers = int(said["--workers"]) * int(said.get("--nproc_per_node", "1"))
        assert int(said["--batch-size"]) * int(said.get("--nproc_per_node", "1")) <= batch
        if "--dataset-resampled" not in said:
            # The worst that a shuffle of the shards can give one reader.
            fewest = sum(sorted(train)[: math.floor(len(train) / readers)])
            assert len(train) >= readers and fewest >= int(said["--batch-size"])
            assert int(said["--workers"]) == 1 or len(train) >= 4 * readers


def test_a_path_is_one_word_of_the_shell_and_no_pattern(tmp_path: Path) -> None:
    odd = tmp_path / "o'neil's shards; exit 1 [x] *"
    odd.mkdir()
    lines = list(command_lines("open_clip", local_shards(str(folder(odd))), "ViT-B-16", "fp32", 8, 1))
    assert expanded(words(lines[1])["--train-data"]) == [f"{odd}/d-train-{number:06d}.tar" for number in range(3)]


@pytest.mark.parametrize("name", ["a{1,2}", "a::b", "a$HOME", "a\\b"])
def test_a_path_that_webdataset_would_expand_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(FeedError, match="expands"):
        local_shards(str(folder(tmp_path / name)))


@pytest.mark.parametrize(
    ("layout", "text"), [("bioclip", "random"), ("treeoflife10m", "random"), ("default", ""), ("lean", "")]
)
def test_bioclip2_draws_from_the_five_captions_where_the_shards_have_them(
    layout: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["feed", str(folder(tmp_path, layout)), "--print-command", "bioclip2", "--batch", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    runs = [words(line) for line in lines if line.startswith(("python", "torchrun"))]
    assert len(runs) == 2 and all(said["--text_type"] == text for said in runs)
    assert any("shards.layout" in line for line in lines) == (text == "")


def test_without_validation_samples_none_are_named_and_one_shard_is_for_one_process(tmp_path: Path) -> None:
    shards = local_shards(str(folder(tmp_path, train=(20,), val=())))
    lines = list(command_lines("open_clip", shards, "ViT-B-16", "fp32", 8, 1))
    assert "--val" not in lines[1] and "torchrun" not in "".join(lines)


@pytest.mark.parametrize("option", ["--steps 3", "--start 0", "--ranks 1", "--mode index", "--threads 1"])
def test_what_does_nothing_beside_a_measurement_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it is what the option is by itself: it was named."""
    assert main(["feed", str(folder(tmp_path)), "--bench", *option.split()]) == 2
    assert f"{option.split()[0]} does nothing beside --bench" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--bench", "--json", "--steps 3", "--seed 0", "--size 224", "--gpus 1", "--crop x"])
def test_what_a_line_has_no_word_for_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["feed", str(folder(tmp_path)), "--print-command", "open_clip", "--batch", "4", *option.split()]) == 2
    assert f"{option.split()[0]} does nothing beside --print-command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("--json", "--json does nothing without --bench"),
        ("--gpus 1", "--gpus does nothing without --bench"),
        ("--bench --gpus 1025", "1 to 1,024"),
        ("--threads 1025", "threads are 1,025"),
        ("--mode random", "mode is 'random'"),
        ("--where=", "the condition of --where is empty"),
        ("--bench --where=", "the condition of --where is empty"),
        ("--print-command open_clip --where=", "the condition of --where is empty"),
    ],
)
def test_options_that_cannot_be_end_with_status_2(
    options: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = main(["feed", str(folder(tmp_path)), *options.split()])
    except SystemExit as ended:
        status = ended.code
    assert status == 2 and what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--print-command", "openclip"], "no such trainer"),
        (["--print-command", "open_clip", "--where", "true"], "whole shards"),
        (["--print-command", "open_clip", "--sampler", "sqrt"], "whole shards"),
        (["--print-command", "open_clip", "--batch", "31"], "31 samples"),
        (["--print-command", "open_clip", "--batch", "4", "--ranks", "5"], "on 5 GPUs"),
        (["--print-command", "open_clip", "--batch", "31"], "--batch N, from 1 to 30"),
        (["--print-command", "open_clip", "--batch", "31"], "on 1 GPU cannot"),
        (["--print-command", "open_clip", "--batch", "4", "--ranks", "31"], "lower --ranks"),
        (["--print-command", "open_clip", "--batch", "4", "--precision", "fp61"], "write 'fp16'"),
        (["--print-command", "bioclip2", "--batch", "4", "--precision", "xx"], "no precision 'xx'"),
        (["--model", "ViT-B-16"], "for a trainer"),
    ],
)
def test_what_a_trainer_cannot_do_is_refused(
    options: list[str], what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["feed", str(folder(tmp_path)), *options]) != 0
    assert what in capsys.readouterr().err
