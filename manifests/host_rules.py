"""A host's rules in one line, as a command line gives them: 'example.org rate=500 connections=64'."""

from __future__ import annotations

from manifests.binding import bind
from manifests.places import Places
from manifests.recipe import HostRules


def parse_host_rule(text: str, option: str = "--host-rule") -> HostRules:
    """Return the rules that a line states; which values they may have is for `check_fetch` to say.

    `option` is what the line was given with, for errors. Raises RecipeError for an unknown key and for a value that is
    no number.

    >>> parse_host_rule("*.example.org rate=500 connections=64")
    HostRules(pattern='*.example.org', rate=500.0, connections=64, give_up_after=None)
    >>> parse_host_rule("example.org speed=5")
    Traceback (most recent call last):
        ...
    manifests.errors.RecipeError: unknown key 'speed' = 5
      where:  --host-rule example.org speed=5, key speed
      expect: one of rate, connections, give_up_after
      remedy: remove the key
    """
    places = Places(f"{option} {text}")
    pattern, *words = text.split() or [""]
    tree: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key in tree:
            problem = "has no '='" if not equals else "says it twice"
            expected = "PATTERN rate=R connections=C give_up_after=N, at least one of the three"
            raise places.error((), f"the rule of a host {problem}: {word!r}", expected)
        tree[key] = _number(value)
    if HostRules.KEYED_BY in tree:
        raise places.error((), f"the rule of a host begins with its pattern, not {text!r}", "PATTERN rate=R ...")
    return bind(HostRules, {HostRules.KEYED_BY: pattern, **tree}, (), places)


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
