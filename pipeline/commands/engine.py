"""The arguments of commands that run stages: which runner, how many workers, and how far."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pipeline.run.folder import STAGES

if TYPE_CHECKING:
    from pipeline.run.engine import EngineOptions


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `engine_options` reads."""
    group = parser.add_argument_group("where it runs")
    group.add_argument("--runner", default="local", help="local (default), portable, or the name of a Beam runner")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="worker processes (default 1)")
    group.add_argument("--job-endpoint", default="", metavar="HOST:PORT", help="portable: an existing job service")
    group.add_argument("--beam-option", action="append", default=[], metavar="OPT", help="passed to Beam as it is")
    parser.add_argument(
        "--until", default=STAGES[-1], choices=STAGES, metavar="STAGE", help=f"one of {', '.join(STAGES)}"
    )
    parser.add_argument("--debug", action="store_true", help="print tracebacks of failed pipelines")


def engine_options(args: argparse.Namespace) -> EngineOptions:
    """Give the options that the arguments state."""
    from pipeline.run.engine import EngineOptions

    return EngineOptions(args.runner, args.workers, args.job_endpoint, tuple(args.beam_option))
