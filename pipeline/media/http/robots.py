"""robots.txt, read as RFC 9309 says: groups by product token, the longest matching rule, `*` and `$` in paths.

What a missing or failing robots.txt means is for the fetcher to say (`pipeline.media.permission`); this module only
reads text. Foreign text: at most 500 KiB of it are read, and matching takes time linear in rule and path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from pipeline.media.http.optouts import AGENT

MAX_BYTES = 500 * 1024
"""Bytes of a robots.txt that are read: the least that RFC 9309 section 2.5 asks of us."""
_KEY = re.compile(r"[A-Za-z-]+")
_TOKEN = re.compile(r"[A-Za-z_-]+")
_MAX_DELAY = 30.0


@dataclass(frozen=True, slots=True)
class Robots:
    """What a robots.txt says to us.

    >>> robots = parse_robots("User-agent: *\\nDisallow: /private/\\nAllow: /private/*.jpg$\\n")
    >>> robots.refusal("/private/a.png"), robots.refusal("/private/a.jpg"), robots.refusal("/a")
    ('Disallow: /private/', '', '')
    """

    rules: tuple[tuple[bool, str], ...] = ()
    """(allowed, path pattern), as normalised."""
    delay: float = 0.0
    """Crawl-delay in seconds, which is no part of the RFC but means what it says; at most 30."""

    def refusal(self, target: str) -> str:
        """Return the rule that forbids a path (with its query); empty when it may be fetched."""
        path = normal_path(target)
        best: tuple[int, bool, str] | None = None
        for allowed, pattern in self.rules:
            # The longest rule decides; of equally long ones the one that allows.
            if (best is None or (len(pattern), allowed) > best[:2]) and matches(pattern, path):
                best = (len(pattern), allowed, pattern)
        return "" if best is None or best[1] else f"Disallow: {best[2][:200]}"


def parse_robots(text: str, agent: str = AGENT) -> Robots:
    """Read the group that speaks to an agent, else the one for all; groups that name the same agent are one.

    >>> parse_robots("user-agent: BioMill\\nDisallow: /\\n\\nuser-agent: *\\nAllow: /").refusal("/a")
    'Disallow: /'
    >>> parse_robots("<html>no robots here</html>").rules
    ()
    """
    # Of all groups only two are kept, or a file of many agents before many rules would cost their product.
    groups: dict[str, list[tuple[str, str]]] = {}
    named: set[str] = set()
    in_rules = True
    for key, value in _lines(text):
        if key == "user-agent":
            if in_rules:
                named, in_rules = set(), False
            token = _TOKEN.match(value)
            name = "*" if value.startswith("*") else token[0].lower() if token else ""
            if name in ("*", agent.lower()):
                named.add(name)
                groups.setdefault(name, [])
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for name in named:
                groups[name].append((key, value))
    ours = groups.get(agent.lower(), groups.get("*", []))
    # An empty Disallow forbids nothing.
    rules = tuple((key == "allow", normal_path(value)) for key, value in ours if key != "crawl-delay" and value)
    return Robots(rules, max((_seconds(value) for key, value in ours if key == "crawl-delay"), default=0.0))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")[:MAX_BYTES]):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon and _KEY.fullmatch(key.strip()):
            yield key.strip().lower(), value.strip()


def _seconds(value: str) -> float:
    return min(_MAX_DELAY, float(value)) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) else 0.0


def normal_path(path: str) -> str:
    """Return a path in the one spelling in which paths and rules are compared (RFC 9309 section 2.2.2).

    >>> normal_path("/K\u00fcste/%7ea%2fb")
    '/K%C3%BCste/~a%2Fb'
    """
    # Reserved characters stay as they are written; everything else is decoded and encoded again in one way.
    parts = re.split(r"(%(?:2[0-9A-Ca-cF-f]|3[ABDFabdf]|40|5[BDbd]))", path)
    normal = [part.upper() if index % 2 else _requoted(part) for index, part in enumerate(parts)]
    return "".join(normal)


def _requoted(part: str) -> str:
    return quote(unquote_to_bytes(part), safe="/*$?=&;:@!,+()'[]~-._%")


def matches(pattern: str, path: str) -> bool:
    """Whether a rule's path matches the start of a path; `*` is any characters, `$` at its end the end of the path.

    >>> matches("/a*c$", "/abc"), matches("/a*c$", "/abcd"), matches("/a", "/abc")
    (True, False, True)
    """
    anchored = pattern.endswith("$")
    pieces = (pattern[:-1] if anchored else pattern).split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    middle: Iterable[str] = pieces[1:-1] if anchored else pieces[1:]
    for piece in middle:
        # The leftmost place of each piece leaves the most for the others, so no other place need be tried.
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if not anchored:
        return True
    if len(pieces) == 1:
        return at == len(path)
    return len(path) - len(pieces[-1]) >= at and path.endswith(pieces[-1])
