"""A GBIF download from question to checked file, as a state machine that may be killed anywhere.

    asked -> key known -> PREPARING, RUNNING, SUSPENDED -> SUCCEEDED -> bytes -> counted -> done

Each step is written down before the next begins, and only what was checked gets its final name. A request whose
answer was lost is looked for among the user's downloads before another is sent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.model.errors import SourceError
from pipeline.pull.checking import count_records, file_digest
from pipeline.pull.client import Client
from pipeline.pull.fetching import fetch
from pipeline.pull.predicates import CHECKLISTS, Predicate, check_predicate, with_checklist
from pipeline.pull.pull_errors import PullError, UncertainError
from pipeline.pull.state import PullState, only_puller, read_state
from pipeline.sources.release.release_note import ReleaseNote

FORMATS = ("DWCA", "SIMPLE_CSV", "SIMPLE_PARQUET")
WAITING = frozenset({"PREPARING", "RUNNING", "SUSPENDED"})
ENDED = {
    "CANCELLED": "somebody cancelled it",
    "KILLED": "GBIF stopped it",
    "FAILED": "it failed at GBIF",
    "FILE_ERASED": "GBIF has erased its file, as it does about half a year after the request",
}
_KEY = re.compile(r"\d{7}-\d{15}")
_REQUEST = "/occurrence/download/request"
_LISTED = 50
_TEXTS = ("key", "doi", "license", "created", "modified", "eraseAfter", "status", "downloadLink")
_COUNTS = ("size", "totalRecords", "numberDatasets")
_ASKED = ("predicate", "sql", "format", "checklistKey", "verbatimExtensions")

logger = logging.getLogger("biomill")


def request_for(predicate: Predicate, form: str = "DWCA", checklist: str = "") -> dict[str, Any]:
    """Return the request for a predicate; raises PullError when GBIF would not take it.

    `checklist`: UUID, empty for Catalogue of Life; see `with_checklist`.
    """
    if form not in FORMATS:
        raise PullError(f"no such format: {form!r}", expected=", ".join(FORMATS))
    check_predicate(predicate)
    stated = with_checklist(predicate, checklist)
    return {"format": form, "predicate": stated, "checklistKey": checklist or CHECKLISTS["col"]}


def existing(key: str) -> dict[str, Any]:
    """Return the request for a download that exists; raises PullError when the key is none.

    >>> existing("0022697-200613084148143")
    {'key': '0022697-200613084148143'}
    """
    if not _KEY.fullmatch(key):
        raise PullError(f"{key!r} is no download key", expected="seven digits, a dash, fifteen digits")
    return {"key": key}


def pull_download(
    client: Client, request: Mapping[str, Any], folder: Path, *, poll: float = 60.0, again: bool = False
) -> Path:
    """Ask for a download, wait for it, fetch and check it; gives the zip, with release.json beside it.

    Goes on where an earlier call for the same request in this folder stopped. `again`: forget it and ask anew.
    `poll`: seconds between two looks. Raises PullError when GBIF ended the download, when it is not what GBIF says it
    is, or when time is up; the message says what to do.
    """
    with only_puller(folder):
        state = None if again else read_state(folder)
        if state is None:
            state = PullState(client.base, dict(request), key=request.get("key", "")).write(folder)
        if state.request != dict(request) or state.base != client.base:
            raise PullError(
                "the folder belongs to another pull",
                where=str(folder),
                remedy="choose another folder, or repeat the same question; --again forgets the earlier one",
            )
        target = folder / f"{state.key}.zip"
        if state.done and target.exists() and target.stat().st_size == state.answer["size"]:
            return target
        state = _await(client, _ask(client, state, folder), folder, poll)
        return _obtain(client, state, folder)


def _ask(client: Client, state: PullState, folder: Path) -> PullState:
    """Make sure that the download is asked for, once."""
    path, body = _REQUEST, dict(state.request)
    for tried in range(client.patience.attempts):
        if state.key:
            return state
        if state.asked and (key := _lost(client, state)):
            logger.info("pull: found download %s, whose answer was lost", key)
            return replace(state, key=key).write(folder)
        if not state.asked:
            newest = _listed(client, 1)
            before = newest[0]["key"] if newest else ""
            state = replace(state, asked=True, before=before).write(folder)
        try:
            user = client.credentials.user if client.credentials else ""
            answer = client.post(path, {**body, "creator": user, "sendNotification": False})
        except UncertainError as error:
            logger.info("pull: %s; looking whether the request arrived", error.what.splitlines()[0])
            client.rest(min(60.0, 2.0 * 2**tried), "a request's answer was lost")
            continue
        key = answer.strip('"')
        if not _KEY.fullmatch(key):
            raise PullError(f"GBIF answered the request with no key but {key[:100]!r}", where=client.base + path)
        logger.info("pull: GBIF prepares download %s", key)
        return replace(state, key=key).write(folder)
    raise PullError("the request did not arrive", where=client.base + path, remedy="run the same command again later")


def _listed(client: Client, limit: int) -> list[dict[str, Any]]:
    """Return the user's downloads, newest first."""
    answer = client.get("/occurrence/download/user/{user}", [("limit", str(limit)), ("offset", "0")], signed=True)
    found = answer.get("results")
    if not isinstance(found, list) or not all(isinstance(d, dict) and isinstance(d.get("key"), str) for d in found):
        raise PullError("GBIF's list of your downloads cannot be understood", where=client.base)
    return found


def _lost(client: Client, state: PullState) -> str:
    """Return the key of the download that the state's request led to, empty when there is none."""
    for download in _listed(client, _LISTED):
        if download["key"] == state.before:
            break
        asked = download.get("request")
        if isinstance(asked, dict) and _same(asked, state.request):
            return str(download["key"])
    return ""


def _same(asked: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    equal = [_plain(asked.get(name)) == _plain(request[name]) for name in ("format", "predicate")]
    return all(equal)


def _plain(value: Any) -> Any:
    """Return a predicate without what GBIF adds to it by default."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if not (k == "matchCase" and v is False)}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _await(client: Client, state: PullState, folder: Path, poll: float) -> PullState:
    path, said = f"/occurrence/download/{state.key}", ""
    while True:
        answer = _known(client.get(path), client.base + path)
        status = answer["status"]
        if answer["key"] != state.key:
            raise PullError(f"GBIF answered for download {answer['key'][:40]!r}", where=client.base + path)
        if dict(state.answer) != answer:
            state = replace(state, answer=answer).write(folder)
        if status == "SUCCEEDED":
            return state
        if status in ENDED:
            raise PullError(
                f"download {state.key} is {status}: {ENDED[status]}",
                where=client.base + path,
                remedy="ask again with --again" if "predicate" in state.request else "ask GBIF for a new download",
            )
        if status not in WAITING:
            raise PullError(
                f"download {state.key} has the unknown status {status!r}",
                where=client.base + path,
                expected=", ".join(["SUCCEEDED", *sorted(WAITING), *ENDED]),
            )
        if status != said:
            logger.info("pull: download %s is %s", state.key, status)
            said = status
        client.rest(poll, f"download {state.key} is still {status}")


def _known(answer: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return what is kept of an answer about a download: no user, no addresses."""
    kept: dict[str, Any] = {name: answer.get(name) or "" for name in _TEXTS}
    kept |= {name: answer.get(name) or 0 for name in _COUNTS}
    asked = answer.get("request")
    kept["request"] = {name: asked[name] for name in _ASKED if name in asked} if isinstance(asked, dict) else {}
    wrong = [name for name in _TEXTS if not isinstance(kept[name], str)]
    wrong += [name for name in _COUNTS if not isinstance(kept[name], int) or isinstance(kept[name], bool)]
    if wrong or not kept["status"]:
        raise PullError(f"GBIF's answer has no readable {', '.join(wrong) or 'status'}", where=where)
    return kept


def _obtain(client: Client, state: PullState, folder: Path) -> Path:
    """Fetch the file, check it, note it, and only then give it its name."""
    answer, where = state.answer, str(folder)
    form = answer["request"].get("format", "")
    if form not in FORMATS:
        raise PullError(
            f"download {state.key} has the format {form!r}", expected=", ".join(FORMATS), remedy="ask for a DWCA"
        )
    target, part = folder / f"{state.key}.zip", folder / f"{state.key}.zip.part"
    if target.exists():
        # An earlier call stopped between naming the file and saying so; it is checked like any other.
        target.replace(part)
    state = fetch(client, state, folder, part)
    try:
        rows = count_records(part, form)
    except SourceError as error:
        # It has the right size and the wrong content: going on with it can never end well.
        part.unlink()
        raise PullError(
            f"the file that was fetched is damaged: {error.what}",
            where=answer["downloadLink"],
            remedy="it was removed; run the same command again to fetch it anew",
        ) from error
    if rows != answer["totalRecords"]:
        raise PullError(
            f"the download holds {rows:,} records, and GBIF counts {answer['totalRecords']:,}",
            where=f"{where}/{part.name}",
            remedy="tell helpdesk@gbif.org the download's key; ask for a new one with --again",
        )
    ReleaseNote(
        provider="gbif",
        kind="download",
        key=state.key,
        doi=answer["doi"],
        license=answer["license"],
        format=form,
        predicate=answer["request"].get("predicate", state.request.get("predicate")),
        checklist=str(answer["request"].get("checklistKey") or state.request.get("checklistKey") or ""),
        created=answer["created"],
        modified=answer["modified"],
        erase_after=answer["eraseAfter"],
        link=answer["downloadLink"],
        size=answer["size"],
        total_records=answer["totalRecords"],
        rows=rows,
        datasets=answer["numberDatasets"],
        sha256=file_digest(part),
    ).write(folder)
    part.replace(target)
    replace(state, done=True).write(folder)
    logger.info("pull: %s: %d records, doi %s", target.name, rows, answer["doi"] or "none")
    return target
