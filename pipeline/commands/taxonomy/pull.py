"""`biomill taxonomy pull WHAT -o DIR`: a published taxonomy, fetched, checked and pinned."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.commands.options.misuse import misuse


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser(
        "pull",
        help="fetch a published taxonomy, check it, and pin it by its digest; goes on where it stopped",
        description="WHAT is gbif, col, col-xr, ncbi, open-tree, inat, or an https address of another one.",
    )
    parser.add_argument("what", metavar="WHAT", help="a name from the list, or an address; 'list' prints the list")
    parser.add_argument("-o", "--out", type=Path, default=Path(), metavar="DIR", help="folder for the file")
    parser.add_argument("--sha256", default="", help="the digest that the file must have")
    parser.add_argument("--contact", default="", help="mail address or URL, sent along; else GBIF_EMAIL")
    parser.add_argument("--deadline", type=float, default=86_400.0, metavar="SECONDS", help="for all (default a day)")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Pull, and give the lines to print; raises PullError with what to do about it."""
    from pipeline.pull import Client, Patience
    from pipeline.pull.taxonomies import TAXONOMIES, published, pull_taxonomy

    if args.what == "list":
        for name, each in TAXONOMIES.items():
            yield f"{name:10} {each.link}"
        return
    with misuse():
        what = published(args.what)
    parts = urlsplit(what.link)
    contact = args.contact or os.environ.get("GBIF_EMAIL", "")
    with Client(
        f"{parts.scheme}://{parts.netloc}", contact=contact, patience=Patience(deadline=args.deadline)
    ) as client:
        path = pull_taxonomy(client, what, args.out, sha256=args.sha256)
    yield str(path)
    yield f"build it with: biomill taxonomy build {path} -o DIR"
