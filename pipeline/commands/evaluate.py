"""`biomill evaluate RUN --embeddings E.parquet`: all measures of a model's embeddings against the labels of a run."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.numbers import whole


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("evaluate", help="measure a model by its embeddings of a run's pictures")
    parser.add_argument("shards", metavar="run", help="folder of a run or of shards, or an address such as s3://b/run")
    parser.add_argument(
        "--embeddings",
        type=Path,
        required=True,
        metavar="PARQUET",
        help="columns key and vector, a row a sample; or a folder that `biomill embed` wrote",
    )
    parser.add_argument(
        "--texts", type=Path, metavar="PARQUET", help="columns accepted_id or caption, and vector: zero-shot's classes"
    )
    parser.add_argument(
        "--text",
        default="taxon_com",
        choices=("sci", "com", "taxon", "sci_com", "taxon_com"),
        help="text type of zero-shot's classes, in a folder of `biomill embed` (default taxon_com)",
    )
    parser.add_argument("--traits", type=Path, metavar="PARQUET", help="column accepted_id, and columns of numbers")
    parser.add_argument(
        "--untrained", type=Path, metavar="PARQUET", help="embeddings of an untrained model, as a control"
    )
    parser.add_argument(
        "--train", default="train", metavar="SPLIT", help="split whose pictures teach; the others are judged"
    )
    parser.add_argument(
        "--shots", type=whole(1), nargs="+", default=[1, 5], metavar="K", help="images of each class (default 1 5)"
    )
    parser.add_argument("--folds", type=whole(2), default=5, metavar="N", help="draws of few-shot's images")
    parser.add_argument("--seed", type=whole(0), default=0, help="of what is drawn")
    parser.add_argument(
        "--permutations", type=whole(19), default=999, metavar="N", help="that significance is found by (default 999)"
    )
    parser.add_argument("--partial", action="store_true", help="leave out pictures without a vector, and the reverse")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="folder for evaluation.json and the tables")
    add_json_option(parser)
    parser.set_defaults(lines=lines, no_frames=True)


def lines(args: argparse.Namespace) -> Generator[str, None, None]:
    """Yield what was measured, or the document; write it and the tables where a folder is named."""
    from pipeline.embed.vector_files import names_name
    from pipeline.evaluate import VERSION, EvaluationRules, evaluate_run, evaluation_lines, write_evaluation

    rules = EvaluationRules(args.train, tuple(dict.fromkeys(args.shots)), args.folds, args.seed, args.permutations)
    texts = args.texts
    if texts is None and (args.embeddings / names_name(args.text)).is_file():
        texts = args.embeddings / names_name(args.text)
    done = evaluate_run(args.shards, args.embeddings, texts, args.traits, args.untrained, rules, args.partial)
    written = write_evaluation(args.out, done.pictures, done.found) if args.out else []
    if args.json:
        yield json_document("evaluate", VERSION, done.found.evaluation.facts())
        return
    yield from evaluation_lines(done.pictures, done.found)
    if written:
        yield ""
        yield f"{', '.join(written)} in {args.out}"
