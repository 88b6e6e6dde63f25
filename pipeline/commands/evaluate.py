"""`biomill evaluate RUN --embeddings FILE` or `--model MODEL`: all measures of a model against the labels of a run."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path
from typing import Any

from manifests.recipe import RANKS
from pipeline.commands.options.browser import open_page
from pipeline.commands.options.conditions import check_condition
from pipeline.commands.options.json_document import add_json_option, json_document
from pipeline.commands.options.numbers import whole

TEXT = "taxon_com"
"""Text type of zero-shot's classes where none is named."""
VECTORS = "vectors"
"""Folder in that of the evaluation."""


class _Model(argparse.Action):
    """A model's name; with one the process is no longer without pandas, which PyTorch's own modules may ask for."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Note the name."""
        namespace.model, namespace.no_frames = values, False


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("evaluate", help="measure a model by its embeddings of a run's pictures")
    parser.add_argument("shards", metavar="run", help="folder of a run or of shards, or an address such as s3://b/run")
    vectors = parser.add_mutually_exclusive_group(required=True)
    vectors.add_argument(
        "--embeddings",
        type=Path,
        metavar="PARQUET",
        help="columns key and vector, a row a sample; or a folder that `biomill embed` wrote",
    )
    vectors.add_argument(
        "--model",
        action=_Model,
        help="embed first, what is not embedded yet, by a model as `biomill embed --model` reads it",
    )
    parser.add_argument("--where", help="judge what a condition in SQL on the view samples chooses")
    parser.add_argument(
        "--texts", type=Path, metavar="PARQUET", help="columns accepted_id or caption, and vector: zero-shot's classes"
    )
    parser.add_argument(
        "--text",
        choices=("sci", "com", "taxon", "sci_com", "taxon_com"),
        help="text type of zero-shot's classes, in a folder of `biomill embed` (default taxon_com)",
    )
    parser.add_argument("--traits", type=Path, metavar="PARQUET", help="column accepted_id, and columns of numbers")
    parser.add_argument(
        "--untrained", type=Path, metavar="PARQUET", help="embeddings of an untrained model, as a control"
    )
    parser.add_argument(
        "--train", metavar="SPLIT", help="split whose pictures teach (default train); the others are judged"
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
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="folder for report, evaluation.json and tables")
    _add_model_options(parser)
    _add_report_options(parser)
    add_json_option(parser)
    parser.set_defaults(lines=lines, no_frames=True)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with --model")
    group.add_argument("--name", help="of the set of vectors beside the run (default model; with -o they are there)")
    group.add_argument(
        "--template",
        action="append",
        default=[],
        metavar="SENTENCE",
        help="with {} for the names of --text; of several the mean is taken, of each class",
    )
    group.add_argument("--batch", type=whole(1), metavar="N", help="pictures at once (default 256)")
    group.add_argument("--workers", type=whole(0), metavar="N", help="processes that decode (default 0)")
    group.add_argument("--device", help="cpu (default), cuda, cuda:1")


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("of the report in -o")
    group.add_argument("--training", metavar="FOLDER", help="of `biomill train`, to draw its log (default: --model's)")
    group.add_argument("--rank", choices=RANKS, help="that confusion is told by (default: the finest readable one)")
    group.add_argument(
        "--compare", type=Path, action="append", default=[], metavar="DIR", help="folder of another evaluation"
    )
    group.add_argument("--open", action="store_true", help="show it in a browser, where there is a screen")


def lines(args: argparse.Namespace) -> Generator[str, None, None]:
    """Yield what was measured, or the document; write it, tables and report where a folder is named."""
    from pipeline.embed.vector_files import names_name
    from pipeline.evaluate import VERSION, EvaluationRules, evaluate_run, evaluation_lines, read_run
    from pipeline.evaluation_report import REPORT, Beside, read_compared, write_with_report
    from pipeline.model.errors import UsageError

    _check(args)
    for other in args.compare:
        read_compared(other)  # what is wrong with it is told before the work
    train, condition = args.train or EvaluationRules().train, args.where or ""
    rules = EvaluationRules(train, tuple(dict.fromkeys(args.shots)), args.folds, args.seed, args.permutations)
    embeddings, texts = args.embeddings, args.texts
    if args.train is not None:
        read_run(args.shards).check_split(args.train)
    if args.model:
        embeddings, templates = yield from _embedded(args, train, condition)
        texts = texts or templates
    names = embeddings / names_name(args.text or TEXT)
    if texts is None and names.is_file():
        texts = names
    elif args.text is not None and not args.model:
        raise UsageError(
            "--text names captions, of which there are no vectors",
            where=str(names if embeddings.is_dir() else embeddings),
            expected="a folder that `biomill embed` wrote with a model of images and texts",
            remedy="leave --text out, or bring vectors of texts with --texts",
        )
    done = evaluate_run(args.shards, embeddings, texts, args.traits, args.untrained, rules, args.partial, condition)
    written = []
    if args.out:
        beside = Beside(args.training or _trained(args.model), args.rank or "", tuple(args.compare))
        written = write_with_report(args.out, args.shards, embeddings, done, beside)
    if args.json:
        yield json_document("evaluate", VERSION, done.found.evaluation.facts())
    else:
        yield from evaluation_lines(done.pictures, done.found)
        if written:
            yield ""
            yield f"{', '.join(each for each in written if each != REPORT)} in {args.out}"
            yield f"report    {args.out / REPORT}"
    if args.open:
        open_page(args.out / REPORT)


def _check(args: argparse.Namespace) -> None:
    """Raise UsageError for options that need others."""
    from pipeline.model.errors import UsageError

    if not args.out and (args.open or args.training or args.rank or args.compare):
        raise UsageError(
            "there is no report without a folder for it", expected="-o DIR", remedy="add -o out/evaluation"
        )
    if args.template and (args.texts or not args.model):
        raise UsageError(
            "sentences are encoded by the model itself",
            expected="--template beside --model, and without --texts",
            remedy="bring the vectors of your sentences with --texts: several rows of one taxon are averaged",
        )
    check_condition(args.where)
    unused = [f"--{each}" for each in ("name", "batch", "workers", "device") if getattr(args, each) is not None]
    if unused and not args.model:
        raise UsageError(
            "how vectors are made is told, and these are made already",
            where=", ".join(unused),
            expected="--model beside it, in place of --embeddings",
            remedy=f"leave {', '.join(unused)} out",
        )
    if args.name is not None and args.out:
        raise UsageError(
            "--name is of a set of vectors beside the run, and with -o they are in its folder",
            expected="--name or -o",
            remedy=f"leave --name out: the vectors are in {args.out / VECTORS}",
        )
    if args.text is not None and args.texts:
        raise UsageError(
            "--text chooses among captions that are embedded, and --texts brings vectors of its own",
            expected="--text or --texts",
            remedy="leave --text out",
        )


def _embedded(args: argparse.Namespace, train: str, condition: str) -> Generator[str, None, tuple[Path, Path | None]]:
    """Make the vectors that are not there yet, and return their folder and the file of the templates.

    What is wrong with the other files is told before, as it takes long.
    """
    from pipeline.train.need import need_torch

    need_torch("evaluate --model")
    from pipeline.embed import register
    from pipeline.embed.model_vectors import opened, vectors_of, write_templates
    from pipeline.embed.vector_files import folder_of
    from pipeline.evaluate import check_beside
    from pipeline.evaluate.templates import template_captions
    from pipeline.feed.feed import located
    from pipeline.model.errors import UsageError

    _, run = located(args.shards)
    if args.out:
        out = args.out / VECTORS
    elif "://" not in args.shards:
        out = Path(str(folder_of(run or Path(args.shards), args.name or "model")))
    else:
        raise UsageError(
            "there is no place for the vectors", args.shards, "a run or shards on disk, or -o", "add -o out/evaluation"
        )
    given = args.texts, args.traits, args.untrained
    pictures = check_beside(args.shards, *given, train, args.partial, condition)
    text = args.text or TEXT
    captions = template_captions(pictures, text, args.template) if args.template else None
    source = opened(args.model, args.device or "cpu", args.seed)
    try:
        for line in vectors_of(args.shards, out, source, args.batch or 256, args.workers or 0):
            if not args.json:
                yield line
    except UsageError as error:
        if not args.out or "--name" not in error.remedy:
            raise
        remedy = f"name another folder with -o, or remove {out}"
        raise UsageError(error.what, error.where, error.expected, remedy) from error
    if run is not None and not args.out:
        register(run)
    return out, None if captions is None else write_templates(out, source, text, *captions)


def _trained(model: str | None) -> str | None:
    """Return the folder of the training that a model comes from, where its log is in it."""
    from pipeline.storage.places import place
    from pipeline.train.journal import NAME

    if not model or model == "tiny" or model.startswith("open_clip:"):
        return None
    folder = place(model)
    if folder.name.endswith(".pt"):  # a checkpoint lies in a folder of its own beside the log
        folder = folder.parent.parent
    return str(folder) if (folder / NAME).exists() else None
