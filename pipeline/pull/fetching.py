"""The bytes of a download: fetched into a part file, gone on with by Range, and compared with the announced size.

Source: RFC 9110, sections 13.1.5 (If-Range), 14.2 (Range) and 15.5.17 (416). A file whose validator changed while it
was being fetched is fetched anew, so that two versions never meet in one file.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace
from pathlib import Path

import requests

from pipeline.pull.client import Client
from pipeline.pull.pull_errors import PullError, TransientError
from pipeline.pull.state import PullState, read_state
from pipeline.storage.files.atomic import storage_error

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

logger = logging.getLogger("biomill")


def fetch(client: Client, state: PullState, folder: Path, part: Path) -> PullState:
    """Bring the part file to the announced size; gives the state with the file's validator.

    Raises PullError when the bytes are more or fewer than announced, or when attempts bring no progress.
    """
    size, link = int(state.answer["size"]), str(state.answer["downloadLink"])
    if size <= 0:
        raise PullError(f"{size} bytes are announced", where=link, remedy="run the same command again later")
    failures = 0
    while (here := _size(part)) != size:
        if here > size:
            raise PullError(
                f"the file has {here:,} bytes, and {size:,} are announced",
                where=str(part),
                remedy="remove the file and run the same command again",
            )
        try:
            state = _go_on(client, state, folder, part)
            if _size(part) == here:
                raise TransientError("the host sent no further bytes", link)
        except TransientError as error:
            # The validator of the bytes that are here now was written down before they were.
            state = read_state(folder) or state
            failures = 1 if _size(part) > here else failures + 1
            client.pause(error, link, failures)
    return state


def _go_on(client: Client, state: PullState, folder: Path, part: Path) -> PullState:
    here, size, link = _size(part), int(state.answer["size"]), str(state.answer["downloadLink"])
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
        if state.etag:
            headers["If-Range"] = state.etag
    with client.stream(link, headers) as answer:
        start = _start(answer, here, size, link)
        if start is None:
            # The host has no such range: whatever is here is not the beginning of what it has now.
            _shorten(part, 0)
            raise TransientError("the host has no bytes beyond those here", link)
        etag = answer.headers.get("ETag", "")
        strong = etag if len(etag) < 200 and etag.startswith('"') else ""
        if start == 0 and strong != state.etag:
            _shorten(part, 0)
            state = replace(state, etag=strong).write(folder)
        elif start and state.etag and strong and strong != state.etag:
            _shorten(part, 0)
            raise TransientError("the host's file changed while it was being fetched", link)
        _write(client, answer, part, start, size)
    return state


def _start(answer: requests.Response, here: int, size: int, link: str) -> int | None:
    """Return the offset at which the answer's bytes begin; None when the host has none to give."""
    if answer.status_code == 416:
        return None
    if answer.status_code == 200:
        announced = answer.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) != size:
            raise PullError(f"the host offers {int(announced):,} bytes, and {size:,} are announced", where=link)
        return 0
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if match is None or int(match[1]) != here or (match[3] != "*" and int(match[3]) != size):
        raise PullError(
            f"the host answered with the range {answer.headers.get('Content-Range', '')[:80]!r}",
            where=link,
            expected=f"bytes {here}-{size - 1}/{size}",
            remedy="remove the part file and run the same command again",
        )
    return here


def _write(client: Client, answer: requests.Response, part: Path, start: int, size: int) -> None:
    """Write the answer's bytes from `start` on; more than announced are not written, but found out."""
    try:
        with part.open("r+b" if part.exists() else "xb") as out:
            out.truncate(start)
            out.seek(start)
            written = start
            for block in client.blocks(answer, answer.url):
                written += len(block)
                if written > size:
                    raise PullError(f"the host sends more than the {size:,} bytes that are announced", where=answer.url)
                out.write(block)
                # A kill loses no more than the block being written.
                out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise storage_error(error, part) from error


def _shorten(part: Path, size: int) -> None:
    if part.exists():
        os.truncate(part, size)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
