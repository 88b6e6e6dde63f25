"""What the corpus promises: the same bytes every time, and a web that says the same over both schemes."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from manifests import FetchRules, load_recipe
from pipeline.media import Fetcher
from tests.real_input.certificates import certify
from tests.real_input.corpus import build, hosts_of
from tests.real_input.photo_server import serve
from tests.real_input.released import ARCHIVE, DATA


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (DATA / ARCHIVE).exists():
        pytest.skip("the real release files are not present beside the repository")
    return build(tmp_path_factory.mktemp("corpus") / "one", DATA, eol_rows=60).parent


def test_a_corpus_built_again_has_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "two", DATA, eol_rows=60).parent
    assert _tree(again) == _tree(corpus)
    assert load_recipe(again / "recipe.toml").fetch.hosts == ()


def test_an_address_answers_the_same_over_http_and_https_on_one_port(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    hosts = hosts_of(corpus)
    assert {"content.eol.org", "fathomnet.org", "static.inaturalist.org"} <= set(hosts)
    certificate = certify(tmp_path, hosts)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    with serve(DATA, corpus, certificate) as server:
        rules = FetchRules(contact="a@example.org", connect_to=(f"{hosts[0]}={server.address}",))
        with Fetcher(rules) as fetcher:
            plain, secure = (fetcher.fetch(f"{scheme}://{hosts[0]}/a.jpg") for scheme in ("http", "https"))
        assert plain.data == secure.data == server.answer(f"{hosts[0]}/a.jpg").body
        assert server.hits == {"http 200": 1, "https 200": 1, "robots.txt": 2}


def test_frames_have_their_declared_size(corpus: Path) -> None:
    frames = json.loads((corpus / "served.json").read_text("utf-8"))["frames"]
    with serve(DATA, corpus) as server:
        for address, size in sorted(frames.items())[::100]:
            with Image.open(io.BytesIO(server.answer(address).body)) as image:
                assert list(image.size) == size


def _tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
