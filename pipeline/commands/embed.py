"""`biomill embed RUN`: vectors of a run's pictures by a model or from a file, beside the run and in its catalog."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.commands.options.conditions import check_condition
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("embed", help="vectors of a run's pictures by a model or from a file")
    parser.add_argument("run", type=run_place, help="folder or address of a run")
    parser.add_argument(
        "--model",
        default="",
        help="folder of `biomill train` or a checkpoint of it, open_clip:NAME@FILE, timm:NAME or timm:NAME@FILE, "
        "hf:NAME or hf:FOLDER; tiny: random weights, as a control",
    )
    parser.add_argument(
        "--from",
        dest="brought",
        type=Path,
        metavar="PARQUET",
        help="instead of a model: vectors made elsewhere, columns key and vector",
    )
    parser.add_argument("--name", default="", help="of this set of vectors (default model; --from needs one)")
    parser.add_argument(
        "--partial", action="store_true", help="with --from: leave out pictures without a vector, and the reverse"
    )
    parser.add_argument("--split", default="", help="of one split alone (default: of all)")
    parser.add_argument("--where", help="condition in SQL on the view samples, or a SELECT of keys")
    parser.add_argument("--batch", type=whole(1), metavar="N", default=256, help="pictures at once (default 256)")
    parser.add_argument("--workers", type=whole(0), metavar="N", default=0, help="processes that decode (default 0)")
    parser.add_argument("--seed", type=int, default=0, help="of random weights (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Make or take in the vectors that are not there yet, register them, and say where they are."""
    from pipeline.embed import register
    from pipeline.model.errors import UsageError

    if bool(args.model) == (args.brought is not None):
        raise UsageError(
            "vectors are made by a model or brought in a file, one of the two",
            expected="--model MODEL, or --from FILE.parquet --name NAME",
        )
    yield from _brought(args) if args.brought is not None else _made(args)
    if register(args.run):
        yield f'in the catalog: biomill sql {args.run} "SELECT * FROM embeddings JOIN samples USING (key)"'
    else:
        yield "no view embeddings: it stands in catalog.duckdb, which is not there, or cannot be changed at an address"


def _brought(args: argparse.Namespace) -> Iterator[str]:
    from pipeline.model.errors import UsageError
    from pipeline.vectors import bring

    check_condition(args.where)
    if not args.name:
        raise UsageError("the set of vectors has no name", expected="--from FILE.parquet --name NAME")
    if args.split or args.where:
        raise UsageError(
            "--split and --where are for a model",
            expected="vectors of all pictures of the run, or --partial",
            remedy="leave out the rows of other pictures in the file, and add --partial",
        )
    yield from bring(args.run, args.brought, args.name, args.partial)


def _made(args: argparse.Namespace) -> Iterator[str]:
    from pipeline.model.errors import UsageError
    from pipeline.train.need import need_torch

    check_condition(args.where)
    if args.partial:
        raise UsageError("--partial is for --from", expected="--split or --where for some pictures alone")
    need_torch("embed")
    from pipeline.embed.compute import embed
    from pipeline.embed.encoders import open_source
    from pipeline.embed.vector_files import folder_of

    out = folder_of(args.run, args.name or "model")
    source = open_source(args.model, args.device, args.seed)
    yield from embed(str(args.run), out, source, args.split, args.where or "", args.batch, args.workers)
    yield f"vectors of {source.encoder.width} numbers by {source.name}: {out}"
