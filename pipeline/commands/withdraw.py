"""The option that names lists of what is withdrawn, shared by the commands that look at a finished run's shards."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_withdraw_option(parser: argparse.ArgumentParser, more: str = "") -> None:
    """Add `--withdraw FILE`, which may be given several times."""
    parser.add_argument(
        "--withdraw",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a list of withdrawn media, records or creators, beside those of the recipe as they stand now" + more,
    )
