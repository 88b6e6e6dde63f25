"""`biomill pull`: releases from a provider's API into files, from which every run is repeatable offline."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests import BiomillError


def add_parser(commands: Any) -> None:
    """Add the verb to the sub-parsers of the command line."""
    pull = commands.add_parser("pull", help="fetch a release from GBIF's API into files; goes on where it stopped")
    kinds = pull.add_subparsers(dest="provider", required=True, metavar="WHAT")

    gbif = kinds.add_parser(
        "gbif",
        help="ask GBIF for a download, wait for it, fetch and check it",
        description="User name and password are taken from GBIF_USER and GBIF_PWD; --key needs none.",
    )
    gbif.add_argument("conditions", nargs="*", metavar="KEY=VALUE", help="taxonKey=5WZLF, year>=1979, country!=US, ...")
    gbif.add_argument("--predicate", type=Path, metavar="FILE", help="a predicate in JSON, instead of conditions")
    gbif.add_argument("--key", default="", help="a download that exists, instead of a question")
    gbif.add_argument("--format", default="DWCA", help="DWCA (default, the only one with media URLs), SIMPLE_CSV, ...")
    gbif.add_argument("--checklist", default="", help="of taxon keys: col (default), backbone or a UUID")
    gbif.add_argument("--poll", type=float, default=60.0, metavar="SECONDS", help="between two looks (default 60)")
    gbif.add_argument("--again", action="store_true", help="forget what was asked in this folder, and ask anew")
    gbif.add_argument("--print", action="store_true", help="print the request instead of sending it")
    _common(gbif)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--contact", default=os.environ.get("GBIF_EMAIL", ""), help="mail address or URL, sent along")
    parser.add_argument(
        "--deadline", type=float, default=86_400.0, metavar="SECONDS", help="for all of it (default: a day)"
    )
    parser.add_argument("--api", default="https://api.gbif.org/v1", help="base address of the API")


def pull(args: argparse.Namespace) -> Iterator[str]:
    """Do it; yields lines for people."""
    from pipeline.pull import (
        Client,
        Credentials,
        Patience,
        checklist_key,
        existing,
        load_predicate,
        parse_conditions,
        pull_download,
        request_for,
    )

    if sum([bool(args.conditions), args.predicate is not None, bool(args.key)]) != 1:
        raise BiomillError(
            "what is to be pulled?", expected="conditions, or --predicate FILE, or --key KEY: one of the three"
        )
    credentials = None
    if args.key:
        request = existing(args.key)
    else:
        predicate = load_predicate(args.predicate) if args.predicate else parse_conditions(args.conditions)
        request = request_for(predicate, args.format, checklist_key(args.checklist) if args.checklist else "")
        if args.print:
            import json

            yield json.dumps(request, indent=1)
            return
        credentials = Credentials.of(os.environ)
    patience = Patience(deadline=args.deadline)
    with Client(args.api, contact=args.contact, credentials=credentials, patience=patience) as client:
        path = pull_download(client, request, args.out, poll=args.poll, again=args.again)
    yield f"{path}"
    yield f'beside it: release.json; in a recipe: kind = "gbif-dwca", path = "{path}"'
