"""`biomill neighbours RUN`: the nearest pictures of pictures, exactly, by vectors that lie beside a run."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.options.conditions import check_condition
from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.numbers import whole
from pipeline.commands.options.run_place import run_place

if TYPE_CHECKING:
    from pipeline.vectors import Asked, Searched

VERSION = 1
_PRINTED, _MOST = 20, 100_000


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "neighbours", help="the nearest pictures of pictures by their vectors, exactly; leaks between splits"
    )
    parser.add_argument("run", type=run_place, help="folder or address of a run")
    parser.add_argument("--name", default="model", help="of the set of vectors (default model)")
    parser.add_argument("--k", type=whole(1), metavar="N", default=10, help="neighbours of each picture (default 10)")
    parser.add_argument("--key", nargs="+", default=[], help="of these pictures (default: of all)")
    parser.add_argument("--where", help="of those of a condition on the view samples, or a SELECT of keys")
    parser.add_argument("--split", default="", help="of those of one split")
    parser.add_argument("--image", type=Path, metavar="JPEG", help="of a file, embedded by --model")
    parser.add_argument("--model", default="", help="with --image: the model that made the set, as `embed` takes it")
    parser.add_argument("--among", default="", metavar="SPLIT", help="neighbours of one split alone")
    parser.add_argument(
        "--other-groups", action="store_true", help="no neighbours of the picture's own organism, event or scene"
    )
    parser.add_argument("--within", type=float, metavar="D", help="none farther than this distance, 1 - cosine")
    parser.add_argument("--library", default="numpy", help="numpy (default), or faiss where it is installed")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write all of them into this Parquet file")
    add_json_option(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, None]:
    """Yield the neighbours of the first pictures and how many there are, or the document; write all where asked."""
    from pipeline.model.errors import UsageError
    from pipeline.vectors import Asked, gather, search_pictures

    check_condition(args.where)
    keys, among = tuple(args.key), args.among
    asked = Asked(args.k, keys, args.where or "", args.split, among, args.other_groups, args.within, args.library)
    given = [name for name in ("key", "where", "split", "other_groups") if getattr(args, name)]
    if args.image is not None and (given or not args.model):
        raise UsageError(
            f"--image stands beside --{given[0].replace('_', '-')}" if given else "--image needs --model",
            expected="--image FILE --model MODEL, with the model that made the set",
        )
    if args.model and args.image is None:
        raise UsageError("--model is for --image", expected="the name of a set of vectors: --name NAME")
    searched = _of_image(args, asked) if args.image is not None else search_pictures(args.run, args.name, asked)
    found = gather(searched.tables, args.out, _MOST + 1 if args.json else min(_MOST, _PRINTED * args.k))
    if args.json:
        if found.neighbours > _MOST and args.out is None:
            raise UsageError(
                f"the document would have {found.neighbours:,} neighbours",
                expected=f"at most {_MOST:,}",
                remedy="write them with -o FILE.parquet, or ask for fewer: --where, --split, --within, --k",
            )
        held = found.first if args.out is None else []
        facts = {"set": args.name, "pictures": found.pictures, "rows": found.neighbours, "neighbours": held}
        of = {"asked": searched.asked, "without": searched.without, "among": searched.among}
        yield json_document("neighbours", VERSION, {**facts, **of})
        return
    yield from found.lines(_PRINTED)
    if found.pictures > _PRINTED and args.out is None:
        yield f"these are the first {_PRINTED} pictures: -o FILE.parquet writes all"
    yield f"{found.neighbours:,} neighbours of {found.pictures:,} pictures" + (f": {args.out}" if args.out else "")
    without = f"; {searched.without:,} that were asked for have no vector in the set" if searched.without else ""
    yield f"asked of {searched.asked:,} pictures, among {searched.among:,}{without}"


def _of_image(args: argparse.Namespace, asked: Asked) -> Searched:
    """Return the search for the neighbours of a file, embedded as the set was."""
    from pipeline.train.need import need_torch

    need_torch("neighbours --image")
    from pipeline.embed.compute import picture_vector
    from pipeline.embed.encoders import open_source
    from pipeline.embed.vector_files import check_made, check_source
    from pipeline.vectors import search_vectors

    check_made(args.run, args.name)
    source = open_source(args.model)
    check_source(args.run, args.name, source.facts())
    return search_vectors(args.run, args.name, [str(args.image)], picture_vector(source, args.image), asked)
