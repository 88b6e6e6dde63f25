"""`biomill demo -o OUT`: the whole pipeline on a drawn biota, offline."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from typing import Any

from pipeline.commands.engine import add_engine_options, engine_options
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place

BIOTAS = ("layouts", "tree")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("demo", help="the whole pipeline on a drawn biota, offline")
    parser.add_argument("-o", "--out", type=run_place, required=True, help="folder for the drawn corpus and the run")
    parser.add_argument("--seed", type=int, default=17, help="seed of the drawing")
    parser.add_argument("--shuffle", type=int, default=0, help="permute the rows of every source file")
    parser.add_argument(
        "--biota",
        choices=BIOTAS,
        default=BIOTAS[0],
        help="layouts (default): four real layouts, every fault planted; tree: a generated tree of life to train on",
    )
    group = parser.add_argument_group("with --biota tree")
    for name, meaning in (
        ("species", "species of the tree (default 192)"),
        ("images", "pictures of each species (default 32)"),
        ("side", "sides of a picture in pixels (default 96)"),
        ("unseen-species", "species that training never sees, of genera that it sees (default: one of each genus)"),
        ("unseen-genera", "genera that training never sees, of families that it sees (default: 5 of 24)"),
    ):
        group.add_argument(f"--{name}", type=whole(0), metavar="N", help=meaning)
    group.add_argument(
        "--mislabelled",
        type=float,
        metavar="PERCENT",
        dest="mislabelled_percent",
        help="share of training pictures under another species' name (default 0)",
    )
    group.add_argument(
        "--children",
        type=_children,
        action="append",
        metavar="RANK=N",
        help="most children of a taxon of a rank, such as genus=4 (the default) or family=2 (as of all other ranks)",
    )
    add_engine_options(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Draw, run, and give the funnel and what to do next."""
    names = ("species", "images", "side", "unseen_species", "unseen_genera", "mislabelled_percent")
    stated: dict[str, Any] = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    stated |= dict(args.children or ())
    options = engine_options(args)
    if args.biota == "tree":
        from pipeline.demo.tree.parameters import Parameters
        from pipeline.demo.tree.tree_demo import run_tree_demo

        parameters = Parameters(**stated)
        return (
            yield from run_tree_demo(args.out, args.seed, parameters, args.shuffle, args.until, options, args.typed)
        )
    if stated:
        from pipeline.model.errors import UsageError

        option = "children" if args.children else next(iter(stated)).removesuffix("_percent").replace("_", "-")
        raise UsageError(f"--{option} says nothing of this biota", expected="--biota tree beside it")
    from pipeline.demo.run import run_demo

    return (yield from run_demo(args.out, args.seed, args.shuffle, args.until, options, args.typed))


def _children(text: str) -> tuple[str, int]:
    """Return the parameter that RANK=N sets, and its value."""
    from pipeline.demo.tree.parameters import CHILDREN

    rank, _, number = text.partition("=")
    if rank not in CHILDREN:
        raise argparse.ArgumentTypeError(f"{text!r} begins with none of {', '.join(CHILDREN)}")
    return CHILDREN[rank], whole(1)(number)
