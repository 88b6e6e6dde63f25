"""`biomill feed RUN`: read batches as a training loop would, and say what they hold and what they cost.

With `--bench`: measure this host, and say which models it can feed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.misuse import misuse
from pipeline.commands.options.numbers import whole

if TYPE_CHECKING:
    from pipeline.feed import Feed

_BATCH = 32
_MOST_GPUS = 1024
_DEFAULTS = {
    "steps": 8, "start": 0, "ranks": 1, "seed": 0, "split": "train", "where": "", "mode": "index", "sampler": "uniform",
    "cap": 0, "size": 224, "crop": "random", "decoder": "pillow", "threads": 1, "gpus": 1,
}  # fmt: skip
"""Of options that are None where nobody named them, so that those that would do nothing are told from the others."""
_UNMEASURED = ("steps", "start", "ranks", "mode", "threads")
"""What `--bench` tries itself, or does not do."""
_UNPRINTED = ("bench", "json", "steps", "start", "seed", "mode", "cap", "size", "crop", "decoder", "threads", "gpus")
"""What the lines of a trainer have no word for."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("feed", help="read batches as a training loop would: digests, taxa, images per CPU s")
    parser.add_argument(
        "shards", metavar="run", help="folder of a run or of shards, or an address such as s3://b/shards"
    )
    parser.add_argument("--batch", type=whole(1), metavar="N", help="samples of a step, over all ranks (default 32)")
    parser.add_argument("--steps", type=whole(1), metavar="N", help="steps to read (default 8)")
    parser.add_argument("--start", type=whole(0), metavar="N", help="step to begin at, as after a resume (default 0)")
    parser.add_argument(
        "--ranks", type=whole(1), metavar="N", help="read as so many ranks, one after another (default 1)"
    )
    parser.add_argument("--seed", type=int, help="decides the order (default 0)")
    parser.add_argument("--split", help="'' for all (default train)")
    parser.add_argument("--where", help="condition in SQL on the view samples, or a SELECT of keys")
    parser.add_argument("--mode", help="index (default) or stream")
    parser.add_argument("--sampler", help="uniform (default), cap, sqrt or balanced")
    parser.add_argument("--cap", type=whole(0), metavar="N", help="sampler cap: most samples of a taxon in an epoch")
    parser.add_argument("--size", type=whole(1), metavar="N", help="side of the images in pixels (default 224)")
    parser.add_argument("--crop", help="random (default), center or squash")
    parser.add_argument("--decoder", help="pillow (default) or simplejpeg")
    parser.add_argument("--threads", type=whole(1), metavar="N", help="that decode images (default 1)")
    parser.add_argument(
        "--print-command",
        default="",
        metavar="TRAINER",
        help="read nothing: print the command lines that train open_clip or bioclip2 on these shards, with --batch "
        "samples a step and, if named, on --ranks GPUs",
    )
    parser.add_argument(
        "--recipe",
        default="",
        metavar="NAME",
        help="with --print-command: what `biomill train --recipe` takes, as the trainer's options; what it cannot be "
        "told is said",
    )
    parser.add_argument("--model", default="", help="with --print-command: the trainer's model (default ViT-B-16)")
    parser.add_argument("--precision", default="", help="with --print-command: its precision (default amp_bf16)")
    parser.add_argument(
        "--bench",
        action="store_true",
        help="measure reading and decoding on this host with these shards; tell which models it can feed, what limits",
    )
    parser.add_argument(
        "--gpus", type=whole(1, _MOST_GPUS), metavar="N", help="with --bench: GPUs of this host to feed (default 1)"
    )
    add_json_option(parser)
    parser.set_defaults(lines=lines, no_frames=True)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield what is selected, a line per step, and the rate."""
    import hashlib
    import time

    import numpy as np

    from pipeline.feed import Feed, Rules, View
    from pipeline.model.errors import UsageError
    from pipeline.shards.quality import pair_rate

    _check_together(args)
    for name, default in _DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    if args.print_command:
        yield from _commands(args)
        return
    if args.model or args.precision or args.recipe:
        raise UsageError(
            "a model, precision or recipe is for a trainer", expected="--print-command open_clip or bioclip2"
        )
    size = args.batch or _BATCH
    with misuse():
        rules = Rules(size, args.seed, args.mode, args.sampler, args.cap, args.split, args.where, threads=args.threads)
        rules.check()
        view = View(args.size, args.crop, decoder=args.decoder)
        view.check()
    feed = Feed(args.shards, rules, view)
    if args.bench:
        yield from _bench(feed, args.gpus, size, args.json)
        return
    manifest = feed.manifest
    yield (
        f"{len(feed):,} samples of {len(manifest.taxa):,} taxa in {len(manifest.shards):,} shards; same-taxon pairs "
        f"within shards: {pair_rate(manifest.shard, manifest.taxon):.2f} x chance"
    )
    yield f"feed {feed.digest[:16]}, an epoch is {feed.sequence.epoch_size:,} samples"
    begun, images = time.process_time(), 0
    whole = hashlib.sha256()
    for step in range(args.start, args.start + args.steps):
        digest, taxa = hashlib.sha256(), []
        for rank in range(args.ranks):
            batch = feed.batch(step, rank, args.ranks)
            images += len(batch.keys)
            taxa.append(batch.taxa)
            for key, image in zip(batch.keys, batch.images, strict=True):
                digest.update(key.encode() + image.tobytes())
        whole.update(digest.digest())
        kinds = len(np.unique(np.concatenate(taxa)))
        yield f"step {step}: {digest.hexdigest()[:16]}, {size} images of {kinds} taxa"
    seconds = time.process_time() - begun
    yield f"all steps: {whole.hexdigest()[:16]}; {images / max(seconds, 1e-9):,.0f} images per CPU s"


def _check_together(args: argparse.Namespace) -> None:
    """Raise UsageError for an option that was named and would do nothing, and for a condition that is empty."""
    from pipeline.commands.options.conditions import check_condition
    from pipeline.model.errors import UsageError

    useless: tuple[str, ...] = ("json", "gpus")
    where, remedy = "without --bench", "add --bench"
    if args.print_command:
        where, useless = "beside --print-command", _UNPRINTED
        remedy = "leave it out; what a trainer is told beyond the options' own is in a recipe: --recipe NAME"
    elif args.bench:
        where, useless = "beside --bench", _UNMEASURED
        remedy = "leave it out: threads and processes of several numbers are all tried"
    # 0 may be named, and is equal to False.
    named = [name for name in useless if getattr(args, name) is not None and getattr(args, name) is not False]
    if named:
        raise UsageError(f"--{named[0]} does nothing {where}", remedy=remedy)
    check_condition(args.where)


def _bench(feed: Feed, gpus: int, batch: int, as_json: bool) -> Iterator[str]:
    """Yield what this host was measured to give, and which models it can feed."""
    from pipeline.feed.feeding import lines as told
    from pipeline.feed.feeding import measure

    found = measure(feed, gpus, batch)
    if as_json:
        yield json_document("feed", 1, found.facts())
        return
    yield from told(found)


def _commands(args: argparse.Namespace) -> Iterator[str]:
    """Yield the lines that run a published trainer on the shards."""
    from pipeline.feed.feed import located
    from pipeline.feed.trainers import MODEL, NOTHING, PRECISION, TRAINERS, command_lines, local_shards
    from pipeline.model.errors import UsageError

    if args.print_command not in TRAINERS:
        raise UsageError(f"no such trainer: {args.print_command!r}", expected=f"one of {', '.join(TRAINERS)}")
    if args.where or args.sampler != "uniform" or args.split != "train":
        raise UsageError(
            "the published trainers read whole shards of the split train, every sample alike",
            expected="no --where, --sampler or --split with --print-command",
            remedy="write the part you want with `biomill export --format shards --where …`, and name that folder",
        )
    shards = local_shards(located(args.shards)[0])
    model, precision, batch, asked = args.model or MODEL, args.precision or PRECISION, args.batch or _BATCH, NOTHING
    if args.recipe:
        from pipeline.train.recipes import read_settings
        from pipeline.train.trainer_options import asked_by, model_and_precision

        settings = read_settings(args.recipe)
        model, precision = model_and_precision(settings, args.model, args.precision)
        batch, asked = args.batch or settings.batch, asked_by(settings, args.print_command, bool(args.model))
    yield from command_lines(args.print_command, shards, model, precision, batch, args.ranks, asked)
