"""`biomill pull`: releases from a provider's API into files, from which every run is repeatable offline."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from manifests import BiomillError
from pipeline.commands.options.misuse import misuse
from pipeline.commands.options.numbers import whole


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    pull = commands.add_parser("pull", help="fetch a release from GBIF's API into files; goes on where it stopped")
    kinds = pull.add_subparsers(dest="what", required=True, metavar="WHAT")

    gbif = kinds.add_parser(
        "gbif",
        help="ask GBIF for a download, wait for it, fetch and check it",
        description="User name and password are taken from GBIF_USER and GBIF_PWD; --key needs none.",
    )
    gbif.add_argument("conditions", nargs="*", metavar="KEY=VALUE", help="taxonKey=5WZLF, year>=1979, country!=US, ...")
    gbif.add_argument("--predicate", type=Path, metavar="FILE", help="a predicate in JSON, instead of conditions")
    gbif.add_argument("--key", default="", help="a download that exists, instead of a question")
    gbif.add_argument("--format", default="DWCA", help="DWCA (default, the only one with media), SIMPLE_CSV, ...")
    gbif.add_argument("--poll", type=float, default=60.0, metavar="SECONDS", help="between two looks (default 60)")
    gbif.add_argument("--again", action="store_true", help="forget what was asked in this folder, and ask anew")
    gbif.add_argument("--print", action="store_true", help="print the request instead of sending it")
    _common(gbif)

    pages = kinds.add_parser(
        "gbif-pages",
        help="spool the answers to a search of some thousands of records",
        description="For samples: GBIF gives 300 records a page, and none beyond the first 100,000 of a search.",
    )
    pages.add_argument(
        "parameters", nargs="+", metavar="NAME=VALUE", help="taxonKey=2431762, mediaType=StillImage, ..."
    )
    pages.add_argument(
        "--limit", type=whole(1, 300), metavar="N", default=300, help="records per page (default 300, the most)"
    )
    pages.add_argument(
        "--most", type=whole(1, 100_000), metavar="N", default=100_000, help="stop after so many records"
    )
    _common(pages)
    pull.set_defaults(lines=lines)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--checklist", default="", help="that taxon keys belong to: col, backbone or a UUID")
    parser.add_argument("--contact", default="", help="mail address or URL, sent along; else GBIF_EMAIL")
    parser.add_argument("--deadline", type=float, default=86_400.0, metavar="SECONDS", help="for all (default a day)")
    parser.add_argument("--api", default="https://api.gbif.org/v1", help="base address of the API")


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Pull, and give the lines to print; raises PullError with what to do about it."""
    from pipeline.pull import Client, Credentials, Patience, checklist_key, pull_download, pull_pages, search_parameters

    with misuse():
        checklist = checklist_key(args.checklist) if args.checklist else ""
    contact = args.contact or os.environ.get("GBIF_EMAIL", "")
    patience = Patience(deadline=args.deadline)
    if args.what == "gbif-pages":
        with misuse():
            parameters = search_parameters(args.parameters, checklist)
        with Client(args.api, contact=contact, patience=patience) as client:
            path = pull_pages(client, parameters, args.out, limit=args.limit, most=args.most)
    else:
        with misuse():
            request = _request(args, checklist)
        if args.print:
            yield json.dumps(request, indent=1)
            return
        credentials = None if args.key else Credentials.of(os.environ)
        with Client(args.api, contact=contact, credentials=credentials, patience=patience) as client:
            path = pull_download(client, request, args.out, poll=args.poll, again=args.again)
    yield str(path)
    if args.what == "gbif-pages" or request.get("format") == "DWCA":
        kind = "gbif-pages" if args.what == "gbif-pages" else "gbif-dwca"
        yield f"in a recipe: kind = {json.dumps(kind)}, path = {json.dumps(str(path.absolute()))}"


def _request(args: argparse.Namespace, checklist: str) -> dict[str, object]:
    from pipeline.pull import existing, load_predicate, parse_conditions, request_for

    if sum([bool(args.conditions), args.predicate is not None, bool(args.key)]) != 1:
        raise BiomillError(
            "what is to be pulled?", expected="conditions, or --predicate FILE, or --key KEY: one of the three"
        )
    if args.key:
        return dict(existing(args.key))
    predicate = load_predicate(args.predicate) if args.predicate else parse_conditions(args.conditions)
    return dict(request_for(predicate, args.format, checklist))
