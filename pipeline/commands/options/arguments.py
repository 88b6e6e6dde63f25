"""The parser of the command line: whole words only, and for a mistyped one the word that was probably meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from manifests.nearness import closest
from pipeline.model.exit_status import ExitStatus

_NUMBER = re.compile(r"-\d+(\.\d*)?$|-\.\d+$")


class _Help(argparse.HelpFormatter):
    """Help whose texts are wrapped, but for those that have lines of their own."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        plain = isinstance(action.default, str | int | float) and action.default not in ("", False)
        if plain and action.option_strings and "default" not in text and action.nargs != 0:
            return f"{text} (default %(default)s)"
        return text

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors name what was probably meant, and which takes no abbreviations.

    Parsers of subcommands are of the same class, as argparse makes them of their parent's.
    """

    completing = False
    """Whether a shell asks what may follow, so that no word is wrong yet."""
    any_order = False
    """Whether options may stand before a positional argument that may be left out, which argparse then takes for left
    out."""
    _mixing = False

    def __init__(self, **given: Any) -> None:
        given.setdefault("allow_abbrev", False)
        given.setdefault("formatter_class", _Help)
        super().__init__(**given)

    def parse_known_args(  # type: ignore[override]  # the overloads of typeshed say no more than this
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse as argparse does, but refuse an unknown option before anything is missed because of it."""
        if self.completing or self._mixing:
            return super().parse_known_args(args, namespace)
        words = sys.argv[1:] if args is None else list(args)
        if not words and self.groups():
            self.print_help()
            self.exit(ExitStatus.MISUSED)
        for word in self._options(words):
            name = word.partition("=")[0]
            near = closest(name, [each for each in self._option_string_actions if each.startswith("--")])
            self._refuse(f"no option {name!r}", f"did you mean {near!r}?" if near else "", "")
        parsed, left = (self._mixed if self.any_order else super().parse_known_args)(words, namespace)
        if left:
            self._refuse(f"one word too many: {left[0]!r}", "what has blanks in it goes in quotes.", "")
        return parsed, left

    def _mixed(self, words: list[str], namespace: argparse.Namespace | None) -> tuple[argparse.Namespace, list[str]]:
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(words, namespace)
        finally:
            self._mixing = False

    def groups(self) -> dict[str, Parser]:
        """Return the parsers of the subcommands, by their names."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return dict(action.choices)
        return {}

    def error(self, message: str) -> NoReturn:
        """Return what is wrong with the words of the command, and end with status 2."""
        self._refuse(message, "", "")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [str(each) for each in action.choices]
        near = closest(str(value), known)
        group = isinstance(action, argparse._SubParsersAction)
        what = "/".join(action.option_strings) or action.metavar or action.dest
        self._refuse(
            f"no {str(what).lower()} {value!r}" if group else f"{what} is {value!r}",
            f"did you mean {near!r}?" if near else "",
            "one of " + ", ".join(known),
        )

    def _refuse(self, what: str, meant: str, expected: str) -> NoReturn:
        lines = [f"{self.prog}: {what}"]
        if expected:
            lines.append(f"  expect: {expected}")
        lines.append(f"  remedy: {f'{meant} ' if meant else ''}`{self.prog} --help` explains every word")
        self.exit(ExitStatus.MISUSED, "\n".join(lines) + "\n")

    def _options(self, words: Sequence[str]) -> Iterator[str]:
        """Yield the words that argparse would take for an option of this parser, and that are none."""
        groups = self.groups()
        for word in words:
            if word == "--" or (groups and not word.startswith("-")):
                return  # what follows is for the subcommand, or no option
            if not word.startswith("-") or word == "-" or _NUMBER.match(word):
                continue
            known = self._option_string_actions
            bundled = not word.startswith("--") and word[:2] in known
            if word not in known and word.partition("=")[0] not in known and not bundled and " " not in word:
                yield word
