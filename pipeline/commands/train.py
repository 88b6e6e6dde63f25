"""`biomill train RUN -o OUT`: train a model on a run's shards, or go on with it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.commands.options.conditions import check_condition
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place

_SHORT = ("model", "objective", "steps", "batch", "seed", "where", "sampler", "replay", "workers", "device")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("train", help="train a model on a run's shards: CLIP with names as texts, or classes")
    parser.add_argument("shards", metavar="run", help="folder of a run or of shards, or an address of one")
    parser.add_argument("-o", "--out", type=run_place, metavar="OUT", help="folder or address of checkpoints and log")
    parser.add_argument(
        "--recipe",
        default="",
        metavar="NAME",
        help="TOML file of settings, or one that ships: tiny, bioclip, bioclip2, biotrove_clip",
    )
    parser.add_argument("--model", help="tiny (default), or open_clip:NAME, with @FILE for weights to begin with")
    parser.add_argument("--objective", help="contrast (default): images against names; classify: one class of a list")
    parser.add_argument(
        "--text", metavar="TYPES", help="text types, with commas between: sci,com,taxon,sci_com,taxon_com"
    )
    parser.add_argument("--steps", type=whole(1), metavar="N", help="of the whole run, by which the rate falls")
    parser.add_argument("--batch", type=whole(1), metavar="N", help="samples of a step, over all processes")
    parser.add_argument("--seed", type=int, help="of weights, order, crops and texts")
    parser.add_argument("--where", help="condition in SQL on the view samples, or a SELECT of keys")
    parser.add_argument("--sampler", help="uniform (default), cap, sqrt or balanced")
    parser.add_argument("--replay", help="other data beside every batch: a run, or WebDataset tars of jpg and txt")
    parser.add_argument("--workers", type=whole(0), metavar="N", help="processes that decode, of each training process")
    parser.add_argument("--device", help="cpu, cuda, cuda:1; a GPU where there is one by default")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting, such as rate=5e-4; may be repeated",
    )
    parser.add_argument(
        "--until", type=whole(1), metavar="N", default=0, help="stop behind N steps; the same command goes on"
    )
    parser.add_argument(
        "--print",
        action="store_true",
        dest="show",
        help="train nothing: print the settings as a recipe, every one of them",
    )
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Train, with a line for the log now and then, and say what came of it."""
    from pipeline.model.errors import UsageError
    from pipeline.train.recipes import read_settings

    check_condition(args.where)
    given = [f"{name}={_toml(getattr(args, name))}" for name in _SHORT if getattr(args, name) is not None]
    given += [f"text={_toml(args.text.split(','))}"] if args.text is not None else []
    settings = read_settings(args.recipe, [*given, *args.set])
    if args.show:
        yield from settings.toml()
        return
    if args.out is None:
        raise UsageError("where the checkpoints go is not said", expected="-o OUT", remedy="add -o out/model")
    from pipeline.train.need import need_torch

    need_torch("train")
    from pipeline.train.fitting.command import train

    yield from train(args.shards, args.out, settings, args.until)


def _toml(value: object) -> str:
    import json

    return json.dumps(value)
