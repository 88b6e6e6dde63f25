"""`biomill fetch LIST -o DIR`: a list of URLs to images, with one outcome per row; needs no recipe."""

from __future__ import annotations

import argparse
import re
from collections.abc import Generator
from pathlib import Path

from pipeline.commands.options.numbers import whole
from pipeline.losses.emptiness import add_allow_empty

LISTS = "the list: .csv or .tsv with a header, .txt with a URL per line, .jsonl (each also .gz), or .parquet"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    from manifests.checks import RESAMPLERS
    from manifests.recipe import FetchRules, ImageRules

    fetch, image = FetchRules(), ImageRules()
    parser = commands.add_parser("fetch", help="fetch the images of a list of URLs; goes on where it stopped")
    parser.add_argument(
        "urls",
        type=Path,
        help=LISTS,
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the images and outcomes.parquet")
    parser.add_argument("--column", default="url", help="the column that holds the URLs (default: url)")
    parser.add_argument(
        "--workers", type=whole(0), default=1, metavar="N", help="processes (default 1; 0: one per core)"
    )
    parser.add_argument(
        "--retry",
        metavar="OUTCOMES",
        help="ask again for URLs that ended so: throttled,http_error; 'none': for none (default: for those that were "
        "not reached, dns_failed,connect_failed,timeout, when the list was worked off before)",
    )
    manners = parser.add_argument_group("how it asks")
    manners.add_argument(
        "--contact", default="", help="mail address or URL for the User-Agent, so that hosts reach you"
    )
    manners.add_argument("--rate", type=float, default=fetch.per_host_rate, help="requests per second to one host")
    manners.add_argument("--connections", type=int, default=fetch.per_host_connections, help="of one host")
    manners.add_argument(
        "--host-rule",
        action="append",
        default=[],
        metavar="RULE",
        help="what one host bears: 'example.org rate=500 connections=64 give_up_after=100'; '*.example.org' and "
        "'host:port' too, the most specific one speaks",
    )
    manners.add_argument("--no-robots", action="store_true", help="do not read robots.txt")
    manners.add_argument(
        "--opt-outs", default=",".join(fetch.opt_outs), metavar="LIST", help="opt-out signals to keep to"
    )
    manners.add_argument("--attempts", type=int, default=fetch.attempts, metavar="N", help="requests for one URL")
    manners.add_argument(
        "--patience",
        type=float,
        default=fetch.patience,
        help="seconds to bear 429 and 503 of a host, and a lost network",
    )
    manners.add_argument(
        "--max-retry-after",
        type=float,
        default=fetch.max_retry_after,
        metavar="SECONDS",
        help="longest Retry-After that is waited for",
    )
    manners.add_argument(
        "--connect-timeout", type=float, default=fetch.connect_timeout, metavar="SECONDS", help="to reach a host"
    )
    manners.add_argument(
        "--first-byte-timeout",
        type=float,
        default=fetch.first_byte_timeout,
        metavar="SECONDS",
        help="from a request to the end of the answer's head",
    )
    manners.add_argument(
        "--read-timeout",
        type=float,
        default=fetch.read_timeout,
        metavar="SECONDS",
        help="that a host may fall silent within an answer",
    )
    manners.add_argument(
        "--total-timeout",
        type=float,
        default=fetch.total_timeout,
        metavar="SECONDS",
        help="that one URL may take over all attempts",
    )
    manners.add_argument("--mirror", action="append", default=[], metavar="PREFIX=STORE", help="media you already hold")
    limits = parser.add_argument_group("what it lets through")
    limits.add_argument("--hosts", action="append", default=[], metavar="HOST", help="only these; '*.example.org'")
    limits.add_argument("--allow-private", action="append", default=[], metavar="HOST", help="may be a private address")
    limits.add_argument(
        "--connect-to", action="append", default=[], metavar="HOST=ADDRESS:PORT", help="ask there for its media"
    )
    limits.add_argument("--max-bytes", type=int, default=fetch.max_bytes, metavar="N", help="larger: too_large")
    limits.add_argument("--max-pixels", type=int, default=fetch.max_pixels, metavar="N", help="more: too_many_pixels")
    limits.add_argument("--max-redirects", type=int, default=fetch.max_redirects, metavar="N", help="of one URL")
    limits.add_argument(
        "--placeholder",
        action="append",
        default=[],
        type=_digest,
        metavar="SHA256",
        help="images of these bytes end as placeholder",
    )
    limits.add_argument(
        "--placeholder-addresses",
        type=int,
        default=fetch.placeholder_addresses,
        metavar="N",
        help="point out images that N addresses of a host gave (default 5; 0: none)",
    )
    images = parser.add_argument_group("what is stored")
    images.add_argument("--side", type=int, default=image.side, help=f"pixels (default {image.side}); never enlarged")
    images.add_argument("--rule", choices=("shortest", "longest"), default=image.rule, help="which side that is")
    images.add_argument("--quality", type=int, default=image.quality, metavar="N", help="of the stored JPEG, 1 to 100")
    images.add_argument("--min-side", type=int, default=image.min_side, metavar="N", help="pixels, below: too_small")
    images.add_argument(
        "--resampler", choices=RESAMPLERS, default=image.resampler, help="'cykooz-resizer' needs the extra fast"
    )
    add_allow_empty(parser)
    parser.set_defaults(lines=lines)


def _digest(text: str) -> str:
    """Return a SHA-256 in lower case."""
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256: 64 hexadecimal digits, as in outcomes.parquet")
    return text.lower()


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Fetch, saying how far it is; then a summary per host and reason, and what was lost most."""
    from manifests.checks import check_fetch
    from manifests.host_rules import parse_host_rule
    from manifests.places import Places
    from manifests.recipe import FetchRules, ImageRules
    from pipeline.commands.engine import workers_of
    from pipeline.engine.lean import be_lean
    from pipeline.losses.list_losses import list_losses
    from pipeline.run.fetch_list import fetch_list

    rules = FetchRules(
        host=tuple(parse_host_rule(text) for text in args.host_rule),
        contact=args.contact,
        hosts=tuple(args.hosts),
        allow_private=tuple(args.allow_private),
        connect_to=tuple(args.connect_to),
        per_host_rate=args.rate,
        per_host_connections=args.connections,
        connect_timeout=args.connect_timeout,
        first_byte_timeout=args.first_byte_timeout,
        read_timeout=args.read_timeout,
        total_timeout=args.total_timeout,
        attempts=args.attempts,
        max_retry_after=args.max_retry_after,
        patience=args.patience,
        robots=not args.no_robots,
        opt_outs=tuple(word for word in args.opt_outs.split(",") if word),
        mirrors=tuple(args.mirror),
        placeholder_addresses=args.placeholder_addresses,
        placeholders=tuple(args.placeholder),
        max_bytes=args.max_bytes,
        max_pixels=args.max_pixels,
        max_redirects=args.max_redirects,
    )
    image = ImageRules(
        side=args.side, rule=args.rule, quality=args.quality, min_side=args.min_side, resampler=args.resampler
    )
    check_fetch(rules, Places("the command line"), image)
    retry = None
    if args.retry is not None:
        retry = tuple(word.strip() for word in args.retry.split(",") if word.strip() not in ("", "none"))
    out, workers = args.out.absolute(), workers_of(args.workers)
    if getattr(args, "own_process", False):
        be_lean()
    yield from fetch_list(args.urls, args.column, out, rules, image, workers, retry, args.typed)
    return (yield from list_losses(out / "outcomes.parquet", rules, image, args))
