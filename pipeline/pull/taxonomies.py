"""Published taxonomies, fetched whole: gone on with after a cut, checked by size and digest, and pinned.

What was fetched is written down in release.json beside the file. A folder that holds a pinned file is only checked
again: a newer release goes into a folder of its own, because a build is made from files, not from addresses.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.model.errors import PipelineError
from pipeline.pull.addresses import check_address
from pipeline.pull.checking import file_digest
from pipeline.pull.client import Client
from pipeline.pull.fetching import fetch
from pipeline.pull.pull_errors import PullError, TransientError
from pipeline.pull.state import STATE_FILE, PullState, only_puller, read_state
from pipeline.sources.release.release_note import ReleaseNote, read_release_note
from taxonomy import TaxonomyError
from taxonomy.readers import source_inputs

logger = logging.getLogger("biomill")
_MD5 = re.compile(rb"\b([0-9a-f]{32})\b")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")


@dataclass(frozen=True, slots=True)
class Published:
    """Where a taxonomy is published."""

    link: str
    license: str
    md5: str = ""
    """Address of the file's MD5, where the provider publishes one."""


TAXONOMIES: dict[str, Published] = {
    "gbif": Published("https://hosted-datasets.gbif.org/datasets/backbone/2023-08-28/backbone.zip", "CC-BY-4.0"),
    "col": Published("https://download.checklistbank.org/col/latest_coldp.zip", "CC-BY-4.0"),
    "col-xr": Published("https://download.checklistbank.org/col/xr_latest_dwca.zip", "CC-BY-4.0"),
    "ncbi": Published(
        "https://ftp.ncbi.nlm.nih.gov/pub/taxonomy/taxdump.tar.gz",
        "public domain",
        "https://ftp.ncbi.nlm.nih.gov/pub/taxonomy/taxdump.tar.gz.md5",
    ),
    "open-tree": Published("https://files.opentreeoflife.org/ott/ott3.7.3/ott3.7.3.tgz", "CC0-1.0"),
    "inat": Published("https://www.inaturalist.org/taxa/inaturalist-taxonomy.dwca.zip", ""),
}
"""Taxonomies that are known by name; any other address can be given as it is."""


def published(what: str) -> Published:
    """Return where a taxonomy is published: by its name, or by its address.

    Raises PullError when it is neither a known name nor an https address.

    >>> published("ncbi").md5.rsplit("/", 1)[1]
    'taxdump.tar.gz.md5'
    """
    if what in TAXONOMIES:
        return TAXONOMIES[what]
    if "://" not in what:
        raise PullError(f"no such taxonomy: {what!r}", expected=", ".join([*TAXONOMIES, "or an https address"]))
    check_address(what)
    return Published(what, "")


def pull_taxonomy(client: Client, what: Published, folder: Path, *, sha256: str = "") -> Path:
    """Fetch a taxonomy into a folder and pin it there; gives the file, with release.json beside it.

    `sha256`: the digest that the file must have, where you know it. Goes on where an earlier call stopped. Raises
    PullError when the file is not what was announced, asked for or pinned, or no taxonomy that can be read.
    """
    if sha256 and not _SHA256.fullmatch(sha256):
        raise PullError(f"{sha256!r} is no SHA-256", expected="64 hexadecimal digits in lower case")
    target = folder / _file_name(what.link)
    with only_puller(folder):
        state = read_state(folder)
        if state is not None and state.request != {"taxonomy": what.link}:
            raise PullError("the folder belongs to another pull", where=str(folder), remedy="choose another folder")
        if state is not None and state.done:
            return _pinned(target, sha256)
        part = folder / "part" / target.name
        part.parent.mkdir(exist_ok=True)
        if state is None:
            state = _announced(client, what).write(folder)
        state = fetch(client, state, folder, part)
        digest = _check(what, folder, part, state, sha256)
        ReleaseNote(
            provider=next((name for name, each in TAXONOMIES.items() if each == what), ""),
            kind="taxonomy",
            key=target.name,
            license=what.license,
            modified=str(state.answer["modified"]),
            link=what.link,
            size=int(state.answer["size"]),
            sha256=digest,
        ).write(folder)
        part.replace(target)
        part.parent.rmdir()
        replace(state, done=True).write(folder)
    logger.info("pull: %s: %d bytes, sha256 %s", target.name, state.answer["size"], digest)
    return target


def _file_name(link: str) -> str:
    name = urlsplit(link).path.rsplit("/", 1)[-1]
    if not _NAME.fullmatch(name):
        raise PullError("the address does not end in a file name", where=link, expected="such as .../taxdump.tar.gz")
    return name


def _announced(client: Client, what: Published) -> PullState:
    """Ask for the size, and for the digest where one is published, before the first byte is kept."""

    def attempt() -> PullState:
        with client.stream(what.link, {"Accept-Encoding": "identity"}) as answer:
            size = answer.headers.get("Content-Length", "")
            modified = answer.headers.get("Last-Modified", "")
        if not size.isdecimal() or int(size) == 0:
            raise TransientError("the host does not say how large the file is", what.link)
        known = {"size": int(size), "downloadLink": what.link, "modified": modified[:100]}
        return PullState(client.base, {"taxonomy": what.link}, answer={**known, "md5": _published_md5(client, what)})

    return client.patiently(what.link, attempt)


def _published_md5(client: Client, what: Published) -> str:
    if not what.md5:
        return ""
    with client.stream(what.md5, {"Accept-Encoding": "identity"}) as answer:
        text = b"".join(block for _, block in zip(range(4), client.blocks(answer, what.md5), strict=False))
    found = _MD5.search(text[:4096])
    if found is None:
        raise TransientError("the published MD5 cannot be read", what.md5)
    return found[1].decode()


def _check(what: Published, folder: Path, part: Path, state: PullState, sha256: str) -> str:
    """Check digests and content; what is wrong is removed, so that the next call fetches it anew."""
    digest = file_digest(part)
    problem: PipelineError | None = None
    wanted = str(state.answer["md5"])
    if sha256 and digest != sha256:
        problem = PullError(f"the file has the SHA-256 {digest}", where=what.link, expected=sha256)
    elif wanted:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != wanted:
            problem = PullError(
                f"the file has the MD5 {found}",
                where=what.link,
                expected=f"{wanted}, as published",
                remedy="it was removed; run the same command again: the host may just have replaced it",
            )
    if problem is None:
        try:
            source_inputs([str(part)])
        except TaxonomyError as error:
            problem = PullError(f"no taxonomy can be read from the file: {error.what}", where=what.link)
    if problem is not None:
        part.unlink()
        (folder / STATE_FILE).unlink()
        raise problem
    return digest


def _pinned(target: Path, sha256: str) -> Path:
    note = read_release_note(target.parent)
    if note is None or not target.exists() or file_digest(target) != note.sha256:
        raise PullError(
            "the file is not the one that was pinned here",
            where=str(target),
            expected=f"the SHA-256 {note.sha256 if note else 'of release.json'}",
            remedy="pull it again into a new folder",
        )
    if sha256 and sha256 != note.sha256:
        raise PullError(f"the file has the SHA-256 {note.sha256}", where=str(target), expected=sha256)
    return target
