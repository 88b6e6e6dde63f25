"""The arguments of commands that run stages: which runner, how many workers, and how far."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from pipeline.commands.options.numbers import minutes, whole
from pipeline.storage.run_folder import STAGES

if TYPE_CHECKING:
    from pipeline.engine.engine import EngineOptions


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `engine_options` reads."""
    group = parser.add_argument_group("where it runs")
    group.add_argument("--runner", default="local", help="local (default), portable, or the name of a Beam runner")
    group.add_argument(
        "--workers",
        type=workers,
        default="auto",
        metavar="N",
        help="worker processes (default auto: as many for each stage as pay for themselves; 0: one per core)",
    )
    group.add_argument("--job-endpoint", default="", metavar="HOST:PORT", help="portable: an existing job service")
    group.add_argument("--beam-option", action="append", default=[], metavar="OPT", help="passed to Beam as it is")
    group.add_argument(
        "--unit-minutes",
        type=minutes,
        default=0.0,
        metavar="N",
        help="end a work unit that takes longer, but for fetching: others go on, exit status 5 (default: no limit)",
    )
    parser.add_argument(
        "--until",
        default=STAGES[-1],
        choices=STAGES,
        metavar="STAGE",
        help=f"stop behind this stage: {', '.join(STAGES)}",
    )
    parser.add_argument("--debug", action="store_true", help="print tracebacks of failed pipelines")


def workers(text: str) -> str:
    """Return a number of workers as it was typed, or 'auto'.

    >>> workers("auto"), workers("2")
    ('auto', '2')
    """
    return text if text == "auto" else str(whole(0)(text))


def workers_of(number: int) -> int:
    """Return the number of worker processes that an option means: 0 is one per core that this process may use.

    >>> workers_of(3), workers_of(0) >= 1
    (3, True)
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return number or cores


def engine_options(args: argparse.Namespace) -> EngineOptions:
    """Return the options that the arguments state."""
    from pipeline.engine.engine import EngineOptions

    return EngineOptions(
        args.runner,
        workers_of(0 if args.workers == "auto" else int(args.workers)),
        args.job_endpoint,
        tuple(args.beam_option),
        args.unit_minutes,
        auto=args.workers == "auto",
    )
