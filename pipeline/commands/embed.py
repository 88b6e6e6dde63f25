"""`biomill embed RUN --model MODEL`: vectors of a run's pictures and names, beside the run and in its catalog."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("embed", help="vectors of a run's pictures and names by a model, for SQL and evaluate")
    parser.add_argument("run", type=run_place, help="folder or address of a run")
    parser.add_argument(
        "--model",
        required=True,
        help="folder of `biomill train` or a checkpoint of it, open_clip:NAME@FILE; tiny: random weights, as a control",
    )
    parser.add_argument("--name", default="model", help="of this set of vectors (default model)")
    parser.add_argument("--split", default="", help="of one split alone (default: of all)")
    parser.add_argument("--where", default="", help="condition in SQL on the view samples, or a SELECT of keys")
    parser.add_argument("--batch", type=whole(1), metavar="N", default=256, help="pictures at once (default 256)")
    parser.add_argument("--workers", type=whole(0), metavar="N", default=0, help="processes that decode (default 0)")
    parser.add_argument("--seed", type=int, default=0, help="of random weights (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Make the vectors that are not there yet, register them, and say where they are."""
    from pipeline.train.need import need_torch

    need_torch("embed")
    from pipeline.embed import register
    from pipeline.embed.compute import embed, open_source
    from pipeline.embed.vector_files import folder_of

    out = folder_of(args.run, args.name)
    source = open_source(args.model, args.device, args.seed)
    yield from embed(str(args.run), out, source, args.split, args.where, args.batch, args.workers)
    yield f"vectors of {source.model.width} numbers by {source.name}: {out}"
    if register(args.run):
        yield f'in the catalog: biomill sql {args.run} "SELECT * FROM embeddings JOIN samples USING (key)"'
