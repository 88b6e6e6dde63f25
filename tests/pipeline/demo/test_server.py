from __future__ import annotations

import http.client
import io
import json
import threading
from pathlib import Path

import pytest
from PIL import Image

from pipeline.demo import Corpus, DemoServer, connect_to, serve
from pipeline.demo.server import main
from pipeline.model.errors import PipelineError


def get(server: DemoServer, address: str) -> tuple[int, dict[str, str], bytes]:
    host, _, path = address.partition("/")
    connection = http.client.HTTPConnection(server.address, timeout=10)
    try:
        connection.request("GET", f"/{path}", headers={"Host": host})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        try:
            return answer.status, headers, answer.read()
        except http.client.IncompleteRead as error:
            return answer.status, headers, error.partial
    finally:
        connection.close()


def scripted(corpus: Corpus, **wanted: object) -> list[str]:
    table = json.loads((corpus.www / "behaviours.json").read_text("utf-8"))
    return [address for address, fields in table.items() if all(fields[k] == v for k, v in wanted.items())]


def test_a_sound_address_gives_its_file_whatever_the_query(corpus: Corpus, server: DemoServer) -> None:
    path = sorted((corpus.www / "media.biota.test").rglob("*.png"))[0]
    address = path.relative_to(corpus.www).as_posix()
    for suffix in ("", "?1700000001"):
        status, headers, body = get(server, address + suffix)
        assert (status, headers["content-type"], body) == (200, "image/png", path.read_bytes())
    assert server.hits[address] == 2


@pytest.mark.parametrize("status", [403, 404, 410, 500])
def test_refusals_stay_refusals(corpus: Corpus, server: DemoServer, status: int) -> None:
    addresses = scripted(corpus, status=status)
    assert addresses
    for address in addresses:
        assert [get(server, address)[0] for _ in range(3)] == [status] * 3


def test_a_throttling_host_never_relents(corpus: Corpus, server: DemoServer) -> None:
    address = scripted(corpus, status=429)[0]
    for _ in range(3):
        status, headers, _ = get(server, address)
        assert (status, headers["retry-after"]) == (429, "0")


def test_a_flaky_address_fails_once(corpus: Corpus, server: DemoServer) -> None:
    for address in scripted(corpus, status=503, times=1):
        assert [get(server, address)[0] for _ in range(3)] == [503, 200, 200]
        assert Image.open(io.BytesIO(get(server, address)[2])).size >= (160, 160)


def test_a_page_is_served_as_a_jpeg(corpus: Corpus, server: DemoServer) -> None:
    for address in scripted(corpus, content_type="image/jpeg"):
        status, headers, body = get(server, address)
        assert status == 200 and headers["content-type"] == "image/jpeg" and body.startswith(b"<!DOCTYPE html>")


def test_a_short_body_ends_before_the_announced_length(corpus: Corpus, server: DemoServer) -> None:
    (address,) = scripted(corpus, announce_more=500)
    _, headers, body = get(server, address)
    assert int(headers["content-length"]) == len(body) + 500


def test_redirects_lead_on_or_around(corpus: Corpus, server: DemoServer) -> None:
    status, headers, _ = get(server, "slow.biota.test/moved/1.jpg")
    assert status == 302
    assert get(server, headers["location"].removeprefix("http://"))[0] == 200
    assert get(server, "slow.biota.test/loop/1.jpg")[1]["location"] == "http://slow.biota.test/loop/1.jpg"


@pytest.mark.parametrize(
    "address",
    [
        "media.biota.test/../../recipe.toml",
        "media.biota.test/%2e%2e/behaviours.json",
        "behaviours.json/",
        "elsewhere.biota.test/photos/1.jpg",
        "media.biota.test/",
    ],
)
def test_nothing_but_listed_files_is_served(server: DemoServer, address: str) -> None:
    assert get(server, address)[0] == 404


def test_many_clients_at_once_are_all_answered(corpus: Corpus, server: DemoServer) -> None:
    addresses = [p.relative_to(corpus.www).as_posix() for p in sorted((corpus.www / "media.biota.test").rglob("*.jpg"))]
    answers: list[tuple[str, int]] = []

    def fetch(part: list[str]) -> None:
        answers.extend((address, len(get(server, address)[2])) for address in part)

    threads = [threading.Thread(target=fetch, args=(addresses[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(address, (corpus.www / address).stat().st_size) for address in addresses]


def test_serve_gives_an_address_that_answers_until_the_block_ends(corpus: Corpus) -> None:
    with serve(corpus.www) as server:
        address = server.address
        assert connect_to(address)[0] == f"content.biota.test={address}"
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("GET", "/nothing", headers={"Host": "media.biota.test"})
        assert connection.getresponse().status == 404
        connection.close()
    with pytest.raises(ConnectionError):
        http.client.HTTPConnection(address, timeout=10).request("GET", "/")


def test_a_folder_without_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"behaviours\.json"), serve(tmp_path):
        pass
    with pytest.raises(PipelineError, match=r"behaviours\.json"):
        main([str(tmp_path)])
