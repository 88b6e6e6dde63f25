"""Command lines of published trainers over a folder of shards, whole and quoted for a shell.

Both trainers read the shards as they are. What their loaders take for granted decides the lines:

* webdataset 0.2: with 1.x their grouping of members fails (`KeyError: 'fname'`);
* a shard for every worker of every process, else they end with an assertion;
* a batch of samples for every worker, else they read its shards over and over and never give a batch. Where shards are
  too few or too small for that, `--dataset-resampled` draws shards with replacement, as BioCLIP 2 was trained.

Sources: open_clip 3.3, open_clip_train/data.py (`get_wds_dataset`) and params.py; BioCLIP 2.0, src/training/data.py.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path

import pyarrow.parquet as pq

from manifests.nearness import closest
from pipeline.model.errors import FeedError, UsageError
from pipeline.shards import index_path

TRAINERS = ("open_clip", "bioclip2")
PRECISION = "amp_bf16"
"""Runs on GPUs of the last years and on CPUs alike."""
PRECISIONS = ("amp", "amp_bf16", "amp_bfloat16", "bf16", "fp16", "pure_bf16", "pure_fp16", "fp32")
"""All that both trainers take for --precision."""
MODEL = "ViT-B-16"
_INSTALL = {
    "open_clip": ["pip install open_clip_torch==3.3.0 webdataset==0.2.86"],
    "bioclip2": [
        "git clone https://github.com/Imageomics/bioclip-2 && cd bioclip-2  # the lines below run in this folder",
        "pip install -r requirements.txt  # webdataset 0.2.86 among them",
    ],
}
_MODULE = {"open_clip": "open_clip_train.main", "bioclip2": "src.training.main"}
_CAPTIONS = frozenset(("sci.txt", "com.txt", "taxon.txt", "sci_com.txt", "taxon_com.txt"))
_EXPANDED = re.compile(r"::|[{}\\$]")
_MOST_WORKERS, _MOST_GPUS = 8, 8
_SHARD = re.compile(r"(?P<stem>.*?)(?P<number>\d+)\.tar")


@dataclass(frozen=True, slots=True)
class Shards:
    """Shards of a local folder: samples of each by name, for each split."""

    folder: Path
    splits: Mapping[str, Mapping[str, int]]

    def samples(self, split: str) -> int:
        """Return the number of samples of a split; 0 for one that is not there."""
        return sum(self.splits.get(split, {}).values())

    def pattern(self, split: str) -> str:
        """Return the split's shards as webdataset expands them: ranges in braces, with :: between."""
        return "::".join(f"{self.folder}/{each}" for each in brace_ranges(sorted(self.splits[split])))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a recipe of training asks of a published trainer."""

    options: tuple[str, ...] = ()
    """Words that are the same on every line."""
    remarks: tuple[str, ...] = ()
    """What the trainer cannot be told."""
    text: str = ""
    """BioCLIP 2: one of the five captions, or `random`; '' for what the shards have."""
    steps: int = 0
    """Of the whole run; 0 for the trainer's own epochs."""
    accumulation: int = 1
    """Parts of a process' share of the batch."""
    replay: str = ""
    """BioCLIP 2: other tars, as webdataset expands them; '' for none."""
    replay_batch: int = 0
    """Pairs of them in a step, over all processes."""


NOTHING = Asked()


def command_lines(
    trainer: str, shards: Shards, model: str, precision: str, batch: int, ranks: int, asked: Asked = NOTHING
) -> Iterator[str]:
    """Return lines for a shell, remarks after `#`: what to install, one process, and one for each of several GPUs.

    `batch` is the samples of a step over all processes; `ranks` the processes of the last line, 1 for as many as have a
    shard, at most 8; `asked`: what a recipe has beside them. Raises UsageError for a precision that no
    trainer has, and FeedError where the trainer could not read the shards, or would never give a batch.
    """
    if precision not in PRECISIONS:
        near = closest(precision, PRECISIONS)
        raise UsageError(
            f"{trainer} has no precision {precision!r}",
            expected=f"one of {', '.join(PRECISIONS)}",
            remedy=f"write {near!r}" if near else "",
        )
    samples, sizes = shards.samples("train"), sorted(shards.splits.get("train", {}).values())
    if not ranks <= batch <= samples:
        gpus = f"{ranks:,} GPU{'s' * (ranks > 1)}"
        raise FeedError(
            f"a step of {batch:,} samples on {gpus} cannot be read: the split train has {samples:,}",
            str(shards.folder),
            "at least one for each GPU, and no more than there are",
            f"name them with --batch N, from {ranks:,} to {samples:,}" if ranks <= samples else "lower --ranks",
        )
    yield from _INSTALL[trainer]
    text = _text_type(shards) if trainer == "bioclip2" else []
    if text and text[1] != "random":
        yield '# one caption a sample; for the five that --text_type random draws from: shards.layout = "bioclip"'
        if asked.text not in ("", "taxon_com"):
            yield f"# not expressed: text {asked.text}: the shards hold the caption taxon_com alone"
    elif text and asked.text:
        text = ["--text_type", asked.text]
    yield from (f"# not expressed: {remark}" for remark in asked.remarks)
    common = [*_data(shards), *text, "--model", model, "--precision", precision, *asked.options]
    alone = _reading(sizes, batch, 1, asked)
    yield from _length_said(samples, sizes, batch, 1, asked)
    yield shlex.join(["python", "-m", _MODULE[trainer], *common, *alone])
    most = min(_MOST_GPUS, len(sizes), batch)
    processes = ranks if ranks > 1 else max(each for each in range(1, most + 1) if _cut(batch, each, asked))
    if processes < 2:
        yield "# one shard is for one process: for several GPUs make more (shards.samples_per_shard), or name --ranks"
        return
    if batch % processes:
        yield f"# {batch - batch % processes} samples a step on {processes} GPUs, so that all have as many"
    launch = ["torchrun", "--nproc_per_node", str(processes), "-m", _MODULE[trainer], *common]
    each = _reading(sizes, batch // processes, processes, asked)
    yield from _length_said(samples, sizes, batch // processes, processes, asked)
    yield shlex.join([*launch, *each, "--local-loss", "--gather-with-grad"])


def local_shards(folder: str) -> Shards:
    """Return the shards of a local folder that its manifest lists.

    Raises FeedError for an address, a folder without manifest, and a path that webdataset would expand.
    """
    path = local_path(folder)
    try:
        table = pq.read_table(path / "manifest.parquet", columns=["split", "shard"])
    except (OSError, ValueError) as error:
        raise FeedError(f"the manifest cannot be read: {error}", str(path), "a folder of shards") from error
    splits: dict[str, dict[str, int]] = {}
    for row in table.group_by(["split", "shard"]).aggregate([([], "count_all")]).to_pylist():
        splits.setdefault(row["split"], {})[row["shard"]] = row["count_all"]
    return Shards(path, splits)


def local_path(folder: str) -> Path:
    """Return a path that a published trainer reads as it is; raise FeedError for one that it does not."""
    if "://" in folder:
        raise FeedError(
            "the published trainers read local folders", folder, "a folder", "copy the shards to the training machine"
        )
    path = Path(folder).absolute()
    if _EXPANDED.search(str(path)):
        raise FeedError(
            "the path has characters that webdataset expands", str(path), "a path without :: { } \\ $", "rename it"
        )
    return path


def brace_ranges(names: Sequence[str]) -> list[str]:
    """Return file names that end in a number and `.tar` as ranges in braces, given in order.

    >>> brace_ranges(["a-000000.tar", "a-000001.tar", "a-000003.tar"])
    ['a-{000000..000001}.tar', 'a-000003.tar']
    """
    found = []
    step = count()
    for _, run in groupby(names, key=lambda name: _place(name, next(step))):
        first, *more = run
        last = more[-1] if more else first
        stem, low, high = _SHARD.fullmatch(first), _number(first), _number(last)
        found.append(first if not more or stem is None else f"{stem['stem']}{{{low}..{high}}}.tar")
    return found


def _place(name: str, step: int) -> tuple[str, int, int]:
    match = _SHARD.fullmatch(name)
    if match is None:
        return name, 0, step
    return match["stem"], len(match["number"]), int(match["number"]) - step


def _number(name: str) -> str:
    match = _SHARD.fullmatch(name)
    return match["number"] if match else ""


def _data(shards: Shards) -> list[str]:
    words = ["--dataset-type", "webdataset"]
    for option, split in (("train", "train"), ("val", "val")):
        if shards.samples(split):
            words += [f"--{option}-data", shards.pattern(split)]
            words += [f"--{option}-num-samples", str(shards.samples(split))]
    return words


def _text_type(shards: Shards) -> list[str]:
    """Return BioCLIP 2's option for what it reads as text: one of the five captions, or `txt` where that is all."""
    shard = min(shards.splits["train"])
    with index_path(shards.folder / shard).open(encoding="utf-8") as index:
        next(index)
        suffixes = set(next(index).split()[::4])
    return ["--text_type", "random" if suffixes >= _CAPTIONS else ""]


def _workers(sizes: Sequence[int], processes: int) -> int:
    """Return as many workers as surely have a shard each of two."""
    return max(1, min(_MOST_WORKERS, len(sizes) // (4 * processes)))


def _cut(batch: int, processes: int, asked: Asked) -> bool:
    """Return whether a batch and its replay can be cut for so many processes."""
    return batch // processes % asked.accumulation == 0 and asked.replay_batch % processes == 0


def _reading(sizes: Sequence[int], batch: int, processes: int, asked: Asked) -> list[str]:
    """Return the options of the loader, of which every worker gets a batch, and of the run's length."""
    parts, workers = asked.accumulation, _workers(sizes, processes)
    if not _cut(batch * processes, processes, asked):
        raise FeedError(
            f"{batch:,} samples of a process cannot be cut into {parts} parts, or {asked.replay_batch:,} pairs of "
            f"replay for {processes} processes",
            expected="multiples of both",
            remedy="name another number with --batch, or other --ranks",
        )
    shards_each = len(sizes) // (workers * processes)
    short = shards_each == 0 or sum(sizes[:shards_each]) < batch // parts
    words = ["--batch-size", str(batch // parts), "--workers", str(workers)]
    if parts > 1:
        words += ["--accum-freq", str(parts)]
    if asked.steps:
        words += ["--epochs", str(_length(sum(sizes), sizes, batch, processes, asked)[0])]
    if asked.replay:
        words += ["--continual-data", asked.replay, "--continual_text_type", ""]
        words += ["--continual-batch-size", str(asked.replay_batch // processes)]
    # How many pairs a worker's tars of the replay hold is not known: drawn with replacement they always make a batch.
    return [*words, "--dataset-resampled"] if short or asked.replay else words


def _length(samples: int, sizes: Sequence[int], batch: int, processes: int, asked: Asked) -> tuple[int, int]:
    """Return the epochs that come nearest to the steps that are asked for, and the steps of one, as trainers count."""
    workers, parts = _workers(sizes, processes), asked.accumulation
    batches = -(-samples // (batch // parts * processes))
    each = -(-batches // workers) * workers // parts
    if not each:
        raise FeedError(
            f"an epoch of {batches:,} batches has no step of {parts} parts",
            expected="at least as many batches as accumulation",
            remedy="name a smaller --batch",
        )
    return max(1, round(asked.steps / each)), each


def _length_said(samples: int, sizes: Sequence[int], batch: int, processes: int, asked: Asked) -> Iterator[str]:
    """Yield what epochs come to where that is not the number of steps that is asked for."""
    if asked.steps:
        epochs, each = _length(samples, sizes, batch, processes, asked)
        if epochs * each != asked.steps:
            yield f"# {epochs:,} epochs of {each:,} steps are {epochs * each:,}, where the recipe has {asked.steps:,}"
