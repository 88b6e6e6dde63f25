"""Opt-out signals in the headers of an answer: what the holder of a medium says about machine use.

`X-Robots-Tag` carries directives, for all robots or after the name of one (Google Search Central, "Robots meta tag,
X-Robots-Tag"): noindex and none, DeviantArt's noai and noimageai, Mojeek's noml. `tdm-reservation: 1` reserves text
and data mining (W3C community report "TDM Reservation Protocol", section 3.2). Signals in HTML pages and in
/.well-known/tdmrep.json are not read, as media are asked for and pages are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.model.outcomes import Outcome

AGENT = "biomill"
"""The product token of our User-Agent, by which robots.txt and X-Robots-Tag may name us."""
_DIRECTIVES = {
    "noai": Outcome.OPTED_OUT_NOAI,
    "noimageai": Outcome.OPTED_OUT_NOIMAGEAI,
    "noindex": Outcome.OPTED_OUT_NOINDEX,
    "noml": Outcome.OPTED_OUT_NOML,
}
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_AGENT_NAMED = re.compile(r"\s*([A-Za-z][\w.-]*)\s*:")
_MAX_LENGTH = 4096  # of one header that is looked at


def opted_out(tags: Iterable[str], tdm: str, kept_to: Iterable[str]) -> tuple[Outcome, str] | None:
    """Return the outcome and the words of the first opt-out signal that the recipe keeps to; None when there is none.

    `tags`: the X-Robots-Tag headers; `tdm`: the tdm-reservation header; `kept_to`: the recipe's `opt_outs`, whose
    order decides which of several signals is named.

    >>> signals = ("noai", "noindex", "tdm-reservation")
    >>> opted_out(["max-snippet:0, NOAI"], "", signals)
    (<Outcome.OPTED_OUT_NOAI: ...>, 'X-Robots-Tag: noai')
    >>> opted_out(["googlebot: noindex"], "0", signals) is None
    True
    >>> opted_out([], "1", signals)[1]
    'tdm-reservation: 1'
    """
    found = {directive for tag in tags for directive in _directives(tag[:_MAX_LENGTH])}
    if "none" in found:
        found.add("noindex")
    for signal in kept_to:
        if signal == "tdm-reservation":
            if tdm.split(",")[0].strip() == "1":
                return Outcome.OPTED_OUT_TDM, "tdm-reservation: 1"
        elif signal in found:
            return _DIRECTIVES[signal], f"X-Robots-Tag: {signal}"
    return None


def _directives(tag: str) -> Iterable[str]:
    """Yield the directives of one header that speak to us, in lower case.

    A robot's name holds for all that follows it, up to the next name; several headers may have been joined by commas.
    """
    ours = True
    for part in tag.split(","):
        text = part
        named = _AGENT_NAMED.match(text)
        if named and named[1].lower() not in _VALUED:
            ours = named[1].lower() in (AGENT, "*", "robots", "all")
            text = text[named.end() :]
        if ours:
            yield text.strip().lower()
