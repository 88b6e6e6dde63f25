"""The command line: thin verbs over the library.

biomill run RECIPE -o OUT     read, resolve, screen, fetch, compare, select, shard, catalog; goes on where it stopped
biomill status OUT            what is done, half done and waiting; also while a run goes on
biomill sql OUT "SELECT …"    question the catalog
biomill explain OUT ID        one row's whole life
biomill verify OUT            check everything a run promises
biomill recipe RECIPE         check a recipe and print it resolved; --reference prints every key
biomill plan-gbif PATH        count a GBIF table without media, and write what to ask for
biomill pull gbif … -o OUT    fetch a release from GBIF's API into files
biomill inspect PATH          what a release is: tables, rows, orphans, issues, licences, hosts
biomill demo -o OUT           the whole mill on a drawn biota, offline
biomill records PATH          one release as canonical records and rejects, without a recipe
biomill licences FILE         what the licence statements of a table mean
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from manifests import BiomillError
from pipeline.commands import inspect, licences, plan_gbif, pull, records
from pipeline.run import interrupt
from pipeline.run.folder import STAGES

if TYPE_CHECKING:
    from pipeline.run.engine import EngineOptions

logger = logging.getLogger("biomill")
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


def _engine_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it runs")
    group.add_argument("--runner", default="local", help="local (default), portable, or the name of a Beam runner")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="worker processes (default 1)")
    group.add_argument("--job-endpoint", default="", metavar="HOST:PORT", help="portable: an existing job service")
    group.add_argument("--beam-option", action="append", default=[], metavar="OPT", help="passed to Beam as it is")
    parser.add_argument(
        "--until", default=STAGES[-1], choices=STAGES, metavar="STAGE", help=f"one of {', '.join(STAGES)}"
    )
    parser.add_argument("--debug", action="store_true", help="print tracebacks of failed pipelines")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="biomill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"biomill {version('biomill')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a recipe; goes on where it stopped")
    run.add_argument("recipe", type=Path)
    run.add_argument("-o", "--out", type=Path, required=True, help="output folder of the run")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    _engine_options(run)

    status = commands.add_parser("status", help="where a run stands")
    status.add_argument("out", type=Path)

    sql = commands.add_parser("sql", help="question the catalog of a run")
    sql.add_argument("out", type=Path)
    sql.add_argument("query")
    sql.add_argument("--format", choices=("table", "csv", "json"), default="table")

    explain = commands.add_parser("explain", help="one row's whole life")
    explain.add_argument("out", type=Path)
    explain.add_argument("id", help="row_id, its beginning, or the source's own record, media or box key")

    verify = commands.add_parser("verify", help="check everything a run promises")
    verify.add_argument("out", type=Path)

    recipe = commands.add_parser("recipe", help="check a recipe and print it resolved")
    recipe.add_argument("recipe", type=Path, nargs="?")
    recipe.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    recipe.add_argument("--reference", action="store_true", help="print every key, its default and its meaning")
    recipe.add_argument("--starter", action="store_true", help="print a commented recipe to start from")

    plan_gbif.register(commands)
    pull.register(commands)
    inspect.register(commands)

    demo = commands.add_parser("demo", help="the whole mill on a drawn biota, offline")
    demo.add_argument("-o", "--out", type=Path, required=True, help="folder for the drawn corpus and the run")
    demo.add_argument("--seed", type=int, default=17, help="seed of the drawing")
    demo.add_argument("--shuffle", type=int, default=0, help="permute the rows of every source file")
    _engine_options(demo)
    records.register(commands)
    licences.register(commands)
    return parser


def _options(args: argparse.Namespace) -> EngineOptions:
    from pipeline.run.engine import EngineOptions

    return EngineOptions(args.runner, args.workers, args.job_endpoint, tuple(args.beam_option))


def _run(args: argparse.Namespace) -> int:
    from manifests import load_recipe
    from pipeline.run.driver import run

    folder = run(load_recipe(args.recipe, args.set), args.out, args.until, _options(args))
    if args.until == STAGES[-1]:
        from pipeline.report import closing_lines

        print("\n".join(closing_lines(folder.root, args.out)))
    return 0


def _status(args: argparse.Namespace) -> int:
    from pipeline.run.folder import RunFolder
    from pipeline.run.status import status_lines

    folder = RunFolder(args.out.absolute())
    folder.require_run()
    print("\n".join(status_lines(folder)))
    return 0


def _sql(args: argparse.Namespace) -> int:
    from pipeline.report import query_lines

    for line in query_lines(args.out, args.query, args.format):
        print(line)
    return 0


def _explain(args: argparse.Namespace) -> int:
    from pipeline.explain import explain

    print("\n".join(explain(args.out, args.id)))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from pipeline.verify import verify

    findings = 0
    for check in verify(args.out):
        print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
        findings += not check.ok
    print("verified" if not findings else f"{findings} finding{'s' * (findings > 1)}")
    return EXIT_FAILED if findings else 0


def _recipe(args: argparse.Namespace) -> int:
    from manifests import canonical_json, check_paths, describe_recipe, load_recipe, recipe_digest, starter_recipe

    if args.reference or args.starter:
        print(describe_recipe() if args.reference else starter_recipe(), end="")
        return 0
    if args.recipe is None:
        raise BiomillError("no recipe named", remedy="biomill recipe FILE, or --reference, or --starter")
    recipe = load_recipe(args.recipe, args.set)
    check_paths(recipe)
    print(canonical_json(recipe))
    print(f"digest {recipe_digest(recipe)}")
    return 0


def _plan_gbif(args: argparse.Namespace) -> int:
    for line in plan_gbif.output(args):
        print(line)
    return 0


def _pull(args: argparse.Namespace) -> int:
    for line in pull.output(args):
        print(line)
    return 0


def _inspect(args: argparse.Namespace) -> int:
    print("\n".join(inspect.output(args)))
    return 0


def _demo(args: argparse.Namespace) -> int:
    from pipeline.demo.run import run_demo

    for line in run_demo(args.out, args.seed, args.shuffle, args.until, _options(args)):
        print(line)
    return 0


def _printed(lines: Callable[[argparse.Namespace], Iterator[str]], args: argparse.Namespace) -> int:
    for line in lines(args):
        print(line)
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "status": _status,
    "sql": _sql,
    "explain": _explain,
    "verify": _verify,
    "recipe": _recipe,
    "plan-gbif": _plan_gbif,
    "pull": _pull,
    "inspect": _inspect,
    "demo": _demo,
    "records": partial(_printed, records.lines),
    "licences": partial(_printed, licences.lines),
}


def _log_to_stderr(debug: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
    # Beam's import warns about parts that are not installed, through the root logger.
    logging.getLogger().setLevel(logging.ERROR)


def _leave(code: int) -> int:
    """End the process even where a broken pipeline left threads behind that wait for ever."""
    waiting = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    if code and waiting:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status: 0 well, 1 failed, 2 misused, 130 interrupted."""
    args = _parser().parse_args(argv)
    _log_to_stderr(getattr(args, "debug", False))
    interrupt.listen()
    try:
        return _COMMANDS[args.command](args)
    except BiomillError as error:
        print(f"biomill: {error}", file=sys.stderr)
        return _leave(EXIT_FAILED)
    except KeyboardInterrupt:
        print(
            "biomill: interrupted; finished stages and work units are kept: run the same command again to go on",
            file=sys.stderr,
        )
        return _leave(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`| head`); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
