"""The taxonomy that a command works with: a built one, or the one that ships with the package."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.options.misuse import misuse
from pipeline.commands.options.numbers import whole

if TYPE_CHECKING:
    from taxonomy import Policy, Taxonomy


def add_taxonomy(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which taxonomy, and what counts as a match."""
    parser.add_argument("--taxonomy", type=Path, help="a built taxonomy; default: the one that ships with Biomill")
    parser.add_argument("--no-fuzzy", action="store_true", help="forgive no differing letters")
    parser.add_argument("--strict", action="store_true", help="only the name itself: no other ending, rank or author")
    parser.add_argument(
        "--minimum-confidence", type=whole(0, 100), default=80, metavar="N", help="0 to 100 (default 80)"
    )
    parser.add_argument("--minimum-rank", default="kingdom", metavar="RANK", help="highest rank of an answer")


def policy(args: argparse.Namespace) -> Policy:
    """Return the policy that the arguments state."""
    from taxonomy import Policy

    with misuse():
        return Policy(
            minimum_confidence=args.minimum_confidence,
            fuzzy=not args.no_fuzzy,
            strict=args.strict,
            minimum_rank=args.minimum_rank,
        )


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Taxonomy]:
    """Open the taxonomy of the arguments; the one that ships with the package is built into a temporary folder."""
    from taxonomy import Taxonomy, build_taxonomy

    if args.taxonomy is not None:
        yield Taxonomy.open(args.taxonomy, policy=policy(args))
        return
    with tempfile.TemporaryDirectory(prefix="biomill-taxonomy-") as folder:
        build_taxonomy(["default"], Path(folder) / "default")
        yield Taxonomy.open(Path(folder) / "default", policy=policy(args))
