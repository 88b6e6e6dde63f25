"""A published taxonomy from address to pinned file, through cuts, changes and lies of the host."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from pathlib import Path

import pytest

from pipeline.pull import Client, Patience, PullError
from pipeline.pull.taxonomies import Published, published, pull_taxonomy
from pipeline.sources.release.release_note import read_release_note
from taxonomy import build_taxonomy
from tests.pipeline.pull.conftest import Pauses
from tests.pipeline.pull.replay import Answer, Replay


def release() -> bytes:
    noise = random.Random(1)
    names = "".join(f"{i}\tAus b{''.join(noise.choices('abcdefghijklmnop', k=9))}\tspecies\n" for i in range(9_000))
    data = ("taxonID\tscientificName\ttaxonRank\n" + names).encode()
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("Taxon.tsv")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


DATA = release()
PATH = "/pub/taxdump.tar.gz"


@pytest.fixture
def what(server: Replay) -> Published:
    server.files[PATH] = DATA
    server.files[PATH + ".md5"] = f"{hashlib.md5(DATA).hexdigest()}  taxdump.tar.gz\n".encode()
    return Published(server.origin + PATH, "CC0-1.0", server.origin + PATH + ".md5")


def test_a_taxonomy_is_fetched_checked_pinned_and_builds(
    server: Replay, client: Client, what: Published, tmp_path: Path
) -> None:
    path = pull_taxonomy(client, what, tmp_path / "p")
    assert path.read_bytes() == DATA
    note = read_release_note(tmp_path / "p")
    assert note is not None
    assert (note.sha256, note.size, note.link) == (hashlib.sha256(DATA).hexdigest(), len(DATA), what.link)
    assert {each.name for each in (tmp_path / "p").iterdir()} == {
        *("taxdump.tar.gz", "release.json", "pull.json", "pull.lock")
    }
    build_taxonomy([path], tmp_path / "built")
    asked = len(server.asked)
    assert pull_taxonomy(client, what, tmp_path / "p") == path
    assert len(server.asked) == asked, "a pinned file is not asked for again"


def test_cuts_and_refusals_are_gone_on_from_by_range(
    server: Replay, client: Client, what: Published, pauses: Pauses, tmp_path: Path
) -> None:
    cuts = iter([20_000, 45_000])
    at = [next(cuts)]

    def cut(sent: int) -> None:
        if at and sent >= at[0]:
            at[:] = [next(cuts)] if at[0] == 20_000 else []
            raise ConnectionResetError

    server.on_bytes = cut
    server.faults = [Answer(503, b"", headers={"Retry-After": "7"})]
    assert pull_taxonomy(client, what, tmp_path / "p").read_bytes() == DATA
    assert any(pause >= 7 for pause in pauses)
    assert any(asked.headers.get("range") for asked in server.asked)


def test_another_call_goes_on_where_a_killed_one_stopped(
    server: Replay, client: Client, what: Published, tmp_path: Path
) -> None:
    def cut(sent: int) -> None:
        if sent >= 32_768:
            raise ConnectionResetError

    server.on_bytes = cut
    with (
        Client(server.api, contact="a@b.org", patience=Patience(attempts=1, read=5.0), wait=Pauses()) as hasty,
        pytest.raises(PullError, match="broke off"),
    ):
        pull_taxonomy(hasty, what, tmp_path / "p")
    kept = (tmp_path / "p/part/taxdump.tar.gz").stat().st_size
    assert 0 < kept < len(DATA)
    server.on_bytes = lambda sent: None
    pull_taxonomy(client, what, tmp_path / "p")
    assert server.asked[-1].headers["range"] == f"bytes={kept}-"


def test_a_wrong_digest_removes_the_file_and_says_so(
    server: Replay, client: Client, what: Published, tmp_path: Path
) -> None:
    server.files[PATH + ".md5"] = b"0" * 32 + b"  taxdump.tar.gz\n"
    with pytest.raises(PullError, match="the file has the MD5"):
        pull_taxonomy(client, what, tmp_path / "p")
    assert not (tmp_path / "p/taxdump.tar.gz").exists()
    server.files[PATH + ".md5"] = hashlib.md5(DATA).hexdigest().encode()
    assert pull_taxonomy(client, what, tmp_path / "p").exists()
    with pytest.raises(PullError, match="SHA-256"):
        pull_taxonomy(client, what, tmp_path / "q", sha256="1" * 64)


def test_a_pinned_file_that_changed_is_refused(client: Client, what: Published, tmp_path: Path) -> None:
    path = pull_taxonomy(client, what, tmp_path / "p")
    path.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(PullError, match="not the one that was pinned"):
        pull_taxonomy(client, what, tmp_path / "p")


def test_a_page_instead_of_a_taxonomy_is_refused(server: Replay, client: Client, tmp_path: Path) -> None:
    server.files["/pub/taxa.zip"] = b"<html>Please log in</html>"
    with pytest.raises(PullError, match="no taxonomy can be read"):
        pull_taxonomy(client, Published(server.origin + "/pub/taxa.zip", ""), tmp_path / "p")


def test_a_folder_of_another_pull_is_refused(server: Replay, client: Client, what: Published, tmp_path: Path) -> None:
    pull_taxonomy(client, what, tmp_path / "p")
    with pytest.raises(PullError, match="another pull"):
        pull_taxonomy(client, Published(server.origin + "/pub/other.zip", ""), tmp_path / "p")


@pytest.mark.parametrize("address", ["http://example.org/taxa.zip", "https://u:p@example.org/taxa.zip", "linnaeus"])
def test_only_https_and_known_names_are_pulled(address: str) -> None:
    with pytest.raises(PullError):
        published(address)
