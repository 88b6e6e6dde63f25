"""Hosts behind a proxy: asked through it as the environment says, judged before, and never blamed for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.recipe import FetchRules
from pipeline.media import Fetcher
from pipeline.media.http.certificates import BUNDLES
from pipeline.media.http.proxies import Proxies
from pipeline.model.errors import NetworkLostError, PipelineError
from pipeline.model.outcomes import Outcome
from tests.pipeline.media.conftest import Site
from tests.pipeline.media.proxy_server import ProxyServer

SECRET = "me:s%C3%A9cret/word"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxyServer]:
    with ProxyServer(site.port) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        yield proxy


def rules(site: Site, **changes: object) -> FetchRules:
    waits = {"connect_timeout": 10.0, "read_timeout": 20.0, "total_timeout": 30.0, "patience": 2.0}
    return site.rules(**{"connect_to": (), "contact": "a@example.org", **waits, **changes})


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
def test_http_hosts_are_asked_in_absolute_form_and_never_see_the_credentials(
    site: Site, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(site.port, secret="me:sécret/word") as proxy, Fetcher(rules(site)) as _:
        monkeypatch.setenv(variable, f"http://{SECRET.replace('/', '%2F')}@127.0.0.1:{proxy.port}")
        with Fetcher(rules(site)) as fetcher:
            answers = [answer for _, answer in fetcher.fetch_all([f"http://a.example.org/ok/{n}" for n in range(5)])]
    assert all(answer.ok for answer in answers), [answer.detail for answer in answers]
    assert {answer.final_url for answer in answers} == {f"http://a.example.org/ok/{n}" for n in range(5)}
    assert {target for _, target, _ in proxy.asked} == {f"http://a.example.org/ok/{n}" for n in range(5)}
    for headers in site.headers:
        assert headers.get("Host", headers.get("host")) == "a.example.org"
        assert not any(name.lower().startswith("proxy-") for name in headers)


def test_https_hosts_are_asked_through_a_tunnel_and_verified_by_name(
    tls_site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with ProxyServer(tls_site.port, secret="me:secret") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with Fetcher(rules(tls_site)) as fetcher:
            answers = [answer for _, answer in fetcher.fetch_all([tls_site.url(f"ok/{n}") for n in range(5)])]
            wrong = fetcher.fetch(tls_site.url("ok", host="other.example.org"))
    assert all(answer.ok for answer in answers), [answer.detail for answer in answers]
    assert wrong.outcome is Outcome.TLS_FAILED
    assert {(method, target) for method, target, _ in proxy.asked} == {
        ("CONNECT", "media.example.org:443"),
        ("CONNECT", "other.example.org:443"),
    }
    assert not any(name.lower().startswith("proxy-") for headers in tls_site.headers for name in headers)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_cannot_be_read_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    with pytest.raises(PipelineError, match="no certificates can be read") as caught:
        Fetcher(FetchRules())
    assert caught.value.where.startswith(f"{name}=")


@pytest.mark.parametrize(
    ("exceptions", "direct"),
    [
        ("", ()),
        ("*", ("a.org", "b.a.org", "10.1.2.3", "c.net:8080")),
        ("a.org", ("a.org", "b.a.org")),
        (".a.org, c.net:8080", ("a.org", "b.a.org", "c.net:8080")),
        ("*.a.org", ("a.org", "b.a.org")),
        ("10.0.0.0/8", ("10.1.2.3",)),
    ],
)
def test_no_proxy_names_who_is_asked_directly(exceptions: str, direct: tuple[str, ...]) -> None:
    from pipeline.media import to_uri

    proxies = Proxies({"http": "http://proxy:3128", "no": exceptions})
    hosts = ("a.org", "b.a.org", "10.1.2.3", "c.net:8080", "nota.org")
    assert tuple(host for host in hosts if proxies.of(to_uri(f"http://{host}/")) is None) == (
        direct if exceptions != "*" else hosts
    )


def test_hosts_of_connect_to_and_of_no_proxy_are_asked_directly(
    site: Site, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    changes = {"connect_to": (f"media.example.org=127.0.0.1:{site.port}",), "allow_private": ("127.0.0.1",)}
    with Fetcher(rules(site, **changes)) as fetcher:
        assert fetcher.fetch(site.url("ok")).ok
        assert fetcher.fetch(f"http://127.0.0.1:{site.port}/ok").ok
        assert proxy.asked == []
        # Every hop of a redirect is sent its own way.
        assert fetcher.fetch(site.url("to/http://a.example.org/ok")).ok
    assert proxy.hosts() == {"a.example.org"}


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "10.0.0.1", "169.254.169.254", "[::1]"),
        *("[::ffff:10.0.0.1]", "localhost", "db", "a.localhost", "printer.local", "metadata.google.internal"),
        *("nas.lan", "router.home.arpa", "svc.cluster.local", "localhost."),
    ],
)
def test_private_names_are_not_handed_to_a_proxy_at_first_or_by_redirect(
    site: Site, proxy: ProxyServer, host: str
) -> None:
    with Fetcher(rules(site)) as fetcher:
        answer = fetcher.fetch(f"http://{host}/ok")
        assert answer.outcome is Outcome.BLOCKED_ADDRESS, answer.detail
        assert answer.detail.startswith("not given to the proxy")
        if not host.startswith("["):  # which the site's own redirect would send percent-encoded
            assert fetcher.fetch(f"http://a.example.org/to/http://{host}/ok").outcome is Outcome.BLOCKED_ADDRESS
    assert proxy.hosts() <= {"a.example.org"}


def test_the_recipe_may_name_private_hosts_behind_a_proxy(site: Site, proxy: ProxyServer) -> None:
    with Fetcher(rules(site, allow_private=("db",))) as fetcher:
        assert fetcher.fetch("http://db/ok").ok
    assert proxy.hosts() == {"db"}


def test_a_dead_proxy_is_a_lost_network_and_not_many_dead_hosts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProxyServer(site.port) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
    urls = [f"http://{name}.org/ok/{n}" for name in ("one", "two", "three", "four") for n in range(20)]
    with Fetcher(rules(site, patience=1.0)) as fetcher, pytest.raises(NetworkLostError, match="the proxy") as caught:
        list(fetcher.fetch_all(urls))
    assert f"127.0.0.1:{proxy.port}" in caught.value.where
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_credentials_is_told_at_once(
    site: Site, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProxyServer(site.port, secret="me:secret") as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://me:wrong@127.0.0.1:{proxy.port}")
        started = time.monotonic()
        with (
            Fetcher(rules(site, patience=300.0)) as fetcher,
            pytest.raises(NetworkLostError, match="407") as caught,
        ):
            fetcher.fetch(f"{scheme}://a.example.org/ok")
    assert time.monotonic() - started < 10
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 502 Bad Gateway\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n",
        b"HTTP/1.1 504 Gateway Timeout\r\nProxy-Status: p; error=connection_timeout\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_host_that_the_proxy_cannot_reach_is_one_dead_host(site: Site, proxy: ProxyServer, said: bytes) -> None:
    proxy.refuse = {"dead.org": said}
    urls = [f"http://{name}/slow/0.2/{n}" for name in ("dead.org", "one.org") for n in range(5)]
    with Fetcher(rules(site, attempts=1, per_host_connections=1)) as fetcher:
        answers = dict(fetcher.fetch_all(urls))
    assert all(answers[n].ok for n in range(5, 10))
    assert {answers[n].outcome for n in range(5)} == {Outcome.CONNECT_FAILED}
    assert f"the proxy 127.0.0.1:{proxy.port} answered 50" in answers[0].detail


@pytest.mark.parametrize("status", [b"403 Forbidden", b"502 Bad Gateway"])
def test_a_refused_tunnel_is_the_proxys_word_on_one_host(
    tls_site: Site, certificate: Path, status: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with ProxyServer(tls_site.port, refuse={"dead.org": b"HTTP/1.1 " + status + b"\r\n\r\n"}) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        urls = ["https://dead.org/ok", *(tls_site.url(f"ok/{n}") for n in range(3))]
        with Fetcher(rules(tls_site, attempts=1, patience=20.0)) as fetcher:
            answers = dict(fetcher.fetch_all(urls))
    assert answers[0].outcome is Outcome.CONNECT_FAILED
    assert f"answered {status[:3].decode()} to CONNECT" in answers[0].detail
    assert all(answers[n].ok for n in (1, 2, 3))


def test_a_proxy_that_is_no_http_proxy_is_named_without_its_secret(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@proxy.example.org:1080")
    with Fetcher(rules(site)) as fetcher, pytest.raises(PipelineError, match="socks5") as caught:
        fetcher.fetch("http://a.example.org/ok")
    assert "ALL_PROXY" in caught.value.where and "secret" not in str(caught.value)


def test_a_header_of_a_foreign_request_names_no_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert Proxies.from_environment().line() == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("http://", "no host is named"),
        ("host:99999", "no host is named"),
        ("socks5://127.0.0.1:1080", "it speaks socks5, not http"),
        ("https://proxy.example.org:443", "it speaks https, not http"),
    ],
)
def test_a_variable_that_names_no_http_proxy_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", value)
    with pytest.raises(PipelineError, match=words):
        Proxies.from_environment().line()


def test_a_variable_of_blanks_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "  ")
    assert Proxies.from_environment().line() == ""
