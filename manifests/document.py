"""A recipe file as text: read within caps, decoded, parsed as TOML, with the line of every key."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from manifests.errors import RecipeError
from manifests.lines import key_lines
from manifests.places import Places

STDIN = "-"
MAX_BYTES = 64 << 10
"""Largest recipe that is read; the longest sensible one has a few KB."""

_POSITION = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\s*$")


def read_document(path: Path) -> tuple[dict[str, Any], Places]:
    """Read a TOML file and give its tree and the places of its keys.

    Raises RecipeError when the file is missing, unreadable, larger than MAX_BYTES, not UTF-8, or not TOML 1.0.
    """
    text = _read_text(path)
    try:
        return tomllib.loads(text), Places(str(path), key_lines(text))
    except RecursionError as error:
        raise RecipeError("the recipe is nested too deeply", str(path), remedy="use plain tables and lists") from error
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits gives a plain ValueError
        message = str(error)
        found = _POSITION.search(message)
        line, column = found.groups() if found else (None, None)
        if line is None and found:
            lines = text.splitlines() or [""]
            line, column = str(len(lines)), str(len(lines[-1]) + 1)
        where = f"{path}, line {line}, column {column}" if line else str(path)
        what = message[: found.start()] if found else message
        raise RecipeError(
            f"not valid TOML: {what}",
            where,
            "TOML 1.0",
            "correct the line; text goes in quotes, lists in [ ], tables begin with [name]",
        ) from error


def _read_text(path: Path) -> str:
    try:
        with sys.stdin.buffer if str(path) == STDIN else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise RecipeError(f"no such recipe: '{path}'", str(path.absolute()), remedy="check the path") from error
    except OSError as error:
        raise RecipeError(
            f"the recipe cannot be read: {error.strerror}", str(path.absolute()), "a readable TOML file"
        ) from error
    if len(data) > MAX_BYTES:
        raise RecipeError(
            f"the recipe is larger than {MAX_BYTES} bytes", str(path), "a TOML recipe", "check that this is the recipe"
        )
    try:
        return data.decode("utf-8-sig")  # some editors put a byte order mark before the first key
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RecipeError(
            f"the recipe is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
            f"{path}, line {line}",
            "UTF-8 text",
            "save the file as UTF-8",
        ) from error
