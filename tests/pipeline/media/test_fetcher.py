from __future__ import annotations

import gc
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from manifests.errors import RecipeError
from manifests.recipe import FetchRules
from pipeline.media import Fetched, Fetcher
from pipeline.model.errors import PipelineError
from pipeline.model.outcomes import Outcome
from tests.pipeline.media.conftest import Site


def fetch(site: Site, path: str, **changes: object) -> Fetched:
    with Fetcher(site.rules(**changes)) as fetcher:
        return fetcher.fetch(site.url(path))


@pytest.mark.parametrize(
    ("path", "outcome", "asked"),
    [
        ("status/404", Outcome.GONE, 1),
        ("status/410", Outcome.GONE, 1),
        ("status/401", Outcome.BLOCKED, 1),
        ("status/403", Outcome.BLOCKED, 1),
        ("status/451", Outcome.BLOCKED, 1),
        ("status/418", Outcome.HTTP_ERROR, 1),
        ("status/206", Outcome.HTTP_ERROR, 1),
        ("status/304", Outcome.HTTP_ERROR, 1),
        ("status/500", Outcome.HTTP_ERROR, 3),
        ("status/502", Outcome.HTTP_ERROR, 3),
        ("status/429", Outcome.THROTTLED, 0),
        ("throttle/0", Outcome.THROTTLED, 0),
        ("throttle/3600", Outcome.THROTTLED, 0),
        ("throttle/Wed,_21_Oct_2099_07:28:00_GMT", Outcome.THROTTLED, 0),
        ("throttle/Wed,_21_Oct_2015_07:28:00_GMT", Outcome.THROTTLED, 0),
        ("throttle/whenever", Outcome.THROTTLED, 0),
        ("empty", Outcome.EMPTY, 1),
        ("no-content", Outcome.EMPTY, 1),
        ("short", Outcome.SHORT_BODY, 3),
        ("broken-chunks", Outcome.SHORT_BODY, 3),
        ("gzip-short", Outcome.SHORT_BODY, 3),
        ("gzip-bomb", Outcome.TOO_LARGE, 1),
        ("endless", Outcome.TOO_LARGE, 1),
        ("huge", Outcome.TOO_LARGE, 1),
        ("brotli", Outcome.HTTP_ERROR, 1),
        ("garbage", Outcome.HTTP_ERROR, 3),
        ("cut", Outcome.CONNECT_FAILED, 3),
        ("drip", Outcome.TIMEOUT, 1),
        ("drip-head", Outcome.TIMEOUT, 1),
        ("to/file:///etc/passwd", Outcome.TOO_MANY_REDIRECTS, 1),
        ("to/ftp://example.org/a.jpg", Outcome.TOO_MANY_REDIRECTS, 1),
        ("to/http://user:secret@example.org/", Outcome.TOO_MANY_REDIRECTS, 1),
        ("to/http://%5Bbad", Outcome.TOO_MANY_REDIRECTS, 1),
    ],
)
def test_each_way_to_fail_has_its_outcome_and_its_number_of_attempts(
    site: Site, path: str, outcome: Outcome, asked: int
) -> None:
    answer = fetch(site, path)
    assert (answer.outcome, answer.data, answer.attempts) == (outcome, b"", asked), answer.detail
    if outcome is Outcome.THROTTLED:  # patience is measured in seconds, and costs no attempts
        assert site.count(path) == 1 if "3600" in path or "2099" in path else 1 < site.count(path) < 10
    else:
        assert site.count(path) == asked
        assert answer.outcome is not None and (answer.outcome.info.retryable or asked == 1)
    assert answer.detail


@pytest.mark.parametrize(
    "path", ["ok", "chunked", "until-close", "gzip", "gzip-not", "mislabelled", "flaky/0", "flaky/-", "hops/5"]
)
def test_bytes_arrive_whatever_the_host_calls_them(site: Site, path: str) -> None:
    answer = fetch(site, path)
    assert answer.outcome is None, answer.detail
    assert answer.data == site.jpeg
    assert answer.status == 200
    assert answer.attempts == 1


def test_the_final_url_and_the_stated_type_are_kept_as_evidence(site: Site) -> None:
    answer = fetch(site, "html")
    assert (answer.final_url, answer.content_type, answer.ok) == (site.url("html"), "image/jpeg", True)
    answer = fetch(site, "hops/1")
    assert answer.final_url == site.url("ok")


def test_more_redirects_than_allowed_end_the_url(site: Site) -> None:
    answer = fetch(site, "loop")
    assert answer.outcome is Outcome.TOO_MANY_REDIRECTS
    assert len(site.asked) == 6


def test_non_ascii_urls_and_locations_are_percent_encoded(site: Site) -> None:
    answer = fetch(site, "ok/Küste und Meer")
    assert answer.outcome is None
    assert site.asked[-1][1] == "/ok/K%C3%BCste%20und%20Meer"
    assert fetch(site, "to-umlaut").outcome is None
    assert site.asked[-1][1] == "/ok/K%C3%BCste"


def test_a_host_that_hangs_is_left_in_time(site: Site) -> None:
    started = time.monotonic()
    answer = fetch(site, "hang", read_timeout=0.1, attempts=2)
    assert (answer.outcome, answer.attempts) == (Outcome.TIMEOUT, 2)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("path", ["drip", "drip-head"])
def test_a_slow_drip_ends_at_the_total_deadline(site: Site, path: str) -> None:
    started = time.monotonic()
    answer = fetch(site, path, total_timeout=0.4)
    assert answer.outcome is Outcome.TIMEOUT
    assert time.monotonic() - started < 2


def test_refused_connections_and_unknown_names_have_their_own_outcomes() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = taken.getsockname()[1]
        rules = FetchRules(
            connect_to=(f"dead.example.org=127.0.0.1:{port}",), max_retry_after=0.01, attempts=2, robots=False
        )
        with Fetcher(rules) as fetcher:
            answer = fetcher.fetch("http://dead.example.org/a.jpg")
            assert (answer.outcome, answer.attempts) == (Outcome.CONNECT_FAILED, 2)
    with Fetcher(FetchRules(contact="a@example.org", attempts=1)) as fetcher:
        assert fetcher.fetch("http://no-such-host.invalid/a.jpg").outcome is Outcome.DNS_FAILED


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0x7f000001", "017700000001", "0"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[fe80::1%25lo]"),
    ],
)
def test_private_addresses_are_never_asked(site: Site, host: str) -> None:
    with Fetcher(site.rules(contact="a@example.org", attempts=1)) as fetcher:
        answer = fetcher.fetch(f"http://{host}:{site.port}/ok")
    # A machine without IPv6, or a resolver that does not read numbers as addresses, finds no address at all.
    assert answer.outcome in (Outcome.BLOCKED_ADDRESS, Outcome.DNS_FAILED)
    if host in ("127.0.0.1", "localhost"):
        assert answer.outcome is Outcome.BLOCKED_ADDRESS
    assert site.asked == []


def test_a_redirect_to_a_private_address_is_never_followed(site: Site) -> None:
    rules = site.rules(contact="a@example.org")
    with Fetcher(rules) as fetcher:
        for target in (
            f"http://127.0.0.1:{site.port}/ok",
            "http://169.254.169.254/latest/meta-data",
            "http://10.0.0.1/",
        ):
            answer = fetcher.fetch(site.url("to/" + target))
            assert (answer.outcome, answer.data) == (Outcome.BLOCKED_ADDRESS, b"")
    assert site.count("ok") == 0


def test_the_connected_peer_is_judged_even_when_the_resolver_lied(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address when asked and to a private one when connected to: DNS rebinding."""
    from pipeline.media.http import connections

    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)
    monkeypatch.setattr(connections, "create_connection", lambda *args, **kwargs: _connect("127.0.0.1", site.port))
    with Fetcher(site.rules(contact="a@example.org", connect_to=(), attempts=1)) as fetcher:
        answer = fetcher.fetch("http://rebinding.example.org/ok")
    assert answer.outcome is Outcome.BLOCKED_ADDRESS
    assert "127.0.0.1" in answer.detail
    assert site.asked == []


def _connect(host: str, port: int) -> socket.socket:
    sock = socket.socket()
    sock.connect((host, port))
    return sock


def test_the_recipe_may_name_private_hosts(site: Site) -> None:
    rules = site.rules(contact="a@example.org", connect_to=(), allow_private=(f"127.0.0.1:{site.port}",))
    with Fetcher(rules) as fetcher:
        assert fetcher.fetch(f"http://127.0.0.1:{site.port}/ok").data == site.jpeg


def test_hosts_outside_the_list_are_not_asked_at_first_or_by_redirect(site: Site) -> None:
    rules = site.rules(hosts=("media.example.org",))
    with Fetcher(rules) as fetcher:
        assert fetcher.fetch("http://other.example.org/ok").outcome is Outcome.HOST_NOT_ALLOWED
        assert fetcher.fetch(site.url("to/http://other.example.org/ok")).outcome is Outcome.HOST_NOT_ALLOWED
        assert fetcher.fetch(site.url("ok")).ok


def test_who_asks_is_said_and_the_mirror_sees_the_original_host(site: Site) -> None:
    fetch(site, "ok", contact="https://example.org/bot")
    headers = site.headers[-1]
    assert headers["Host"] == "media.example.org"
    assert headers["User-Agent"].startswith("biomill/") and headers["User-Agent"].endswith(
        " (+https://example.org/bot)"
    )


def test_public_hosts_are_not_asked_without_a_contact(site: Site) -> None:
    with Fetcher(site.rules()) as fetcher:
        assert fetcher.fetch("nonsense").outcome is Outcome.BAD_URL
        with pytest.raises(PipelineError, match="contact"):
            fetcher.fetch("http://example.org/a.jpg")
        with pytest.raises(PipelineError, match="contact"):
            list(fetcher.fetch_all([site.url("ok"), "http://example.org/a.jpg"]))
        # A foreign redirect must not be able to stop a run.
        assert fetcher.fetch(site.url("to/http://example.org/a.jpg")).outcome is Outcome.HOST_NOT_ALLOWED


@pytest.mark.parametrize(
    "changes",
    [{"per_host_rate": 0.0}, {"attempts": 0}, {"contact": "a\r\nX-Evil: 1"}, {"connect_to": ("example.org",)}],
)
def test_rules_that_cannot_be_kept_are_errors_of_the_recipe(changes: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Fetcher(FetchRules(**changes))  # type: ignore[arg-type]


def test_answers_come_as_they_are_ready_over_few_connections(site: Site) -> None:
    urls = [site.url("slow/0.05" if n % 7 == 0 else f"ok/{n}") for n in range(60)]
    with Fetcher(site.rules(per_host_connections=4)) as fetcher:
        answers = [answer for _, answer in sorted(fetcher.fetch_all(urls), key=lambda pair: pair[0])]
    assert [a.data for a in answers] == [site.jpeg if n % 7 == 0 else site.jpeg + str(n).encode() for n in range(60)]
    assert site.busiest <= 4
    assert len(site.clients) <= 4, "connections are kept alive"


def test_a_lane_keeps_to_its_share_of_rate_and_connections(site: Site) -> None:
    rules = site.rules(per_host_rate=40.0, per_host_connections=4)
    with Fetcher(rules, part=0, parts=2) as fetcher:
        assert all(a.ok for _, a in fetcher.fetch_all([site.url(f"slow/0.08/{n}") for n in range(10)]))
    assert site.busiest <= 2
    starts = sorted(at for at, _, _ in site.asked)
    assert starts[-1] - starts[0] >= 9 / 20 - 0.05


def test_a_pause_that_one_url_was_asked_for_holds_for_the_whole_host(site: Site) -> None:
    with Fetcher(site.rules(max_retry_after=1.0, patience=10.0, per_host_connections=2)) as fetcher:
        urls = [site.url("flaky/1")] + [site.url(f"slow/0.1/{n}") for n in range(10)]
        answers = list(fetcher.fetch_all(urls))
    assert all(a.ok for _, a in answers)
    first, second = [at for at, path, _ in site.asked if path == "/flaky/1"][:2]
    meanwhile = [at for at, _, _ in site.asked if first + 0.5 < at < second - 0.05]
    assert second - first >= 1.0
    assert meanwhile == []


def test_closing_wakes_those_who_wait(site: Site) -> None:
    fetcher = Fetcher(site.rules(max_retry_after=60.0, patience=300.0))
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            fetcher.fetch(site.url("throttle/30"))
        except PipelineError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not site.asked:
        time.sleep(0.01)
    time.sleep(0.05)
    fetcher.close()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_memory_stays_bounded_for_endless_and_exploding_bodies(site: Site) -> None:
    fetch(site, "ok")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Fetcher(site.rules(max_bytes=2_000_000, read_timeout=5.0, total_timeout=10.0)) as fetcher:
        paths = ["endless", "gzip-bomb", "huge"] * 2
        for _, answer in fetcher.fetch_all([site.url(path) for path in paths]):
            assert answer.outcome is Outcome.TOO_LARGE
    # In KiB. The server lives in this process, so the bound leaves room for what it makes itself.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_https_is_verified_against_the_name_and_kept_alive(
    tls_site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    port = tls_site.port
    rules = tls_site.rules(
        connect_to=(f"media.example.org=127.0.0.1:{port}", f"other.example.org=127.0.0.1:{port}"),
        per_host_connections=1,
    )
    with Fetcher(rules) as fetcher:
        assert [a.data for _, a in fetcher.fetch_all([tls_site.url("ok")] * 5)] == [tls_site.jpeg] * 5
        assert len(tls_site.clients) == 1
        wrong_name = fetcher.fetch(tls_site.url("ok", host="other.example.org"))
        assert (wrong_name.outcome, wrong_name.attempts) == (Outcome.TLS_FAILED, 1)
        down = fetcher.fetch(tls_site.url("to/http://media.example.org/ok"))
        assert down.outcome is Outcome.TOO_MANY_REDIRECTS


def test_an_unknown_certificate_is_refused_and_never_downgraded(tls_site: Site) -> None:
    assert fetch(tls_site, "ok").outcome is Outcome.TLS_FAILED
    assert tls_site.asked == []


def test_a_private_tls_peer_is_left_before_the_handshake(tls_site: Site) -> None:
    with Fetcher(tls_site.rules(contact="a@example.org", connect_to=())) as fetcher:
        answer = fetcher.fetch(f"https://localhost:{tls_site.port}/ok")
    assert answer.outcome is Outcome.BLOCKED_ADDRESS


def test_plain_text_on_a_tls_port_is_a_tls_failure(site: Site) -> None:
    with Fetcher(site.rules()) as fetcher:
        assert fetcher.fetch("https://media.example.org/ok").outcome is Outcome.TLS_FAILED


def test_a_body_up_to_the_close_needs_a_farewell_under_tls(
    tls_site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody on the way can cut a connection; the server of these tests says no farewell (close_notify) either."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetch(tls_site, "until-close").outcome is Outcome.SHORT_BODY
    assert fetch(tls_site, "ok").data == tls_site.jpeg


def test_another_attempt_gets_a_connection_of_its_own(site: Site) -> None:
    with Fetcher(site.rules(per_host_connections=1)) as fetcher:
        assert [fetcher.fetch(site.url(f"ok/{number}")).ok for number in range(3)] == [True] * 3
        assert len(site.clients) == 1
        assert fetcher.fetch(site.url("status/500")).attempts == 3
        assert len(site.clients) == 3


def test_a_closed_fetcher_leaves_no_connection_open_that_counts_against_the_next(site: Site) -> None:
    gc.disable()  # closed means closed, not some time later
    try:
        with Fetcher(site.rules()) as fetcher:
            assert all(answer.ok for _, answer in fetcher.fetch_all([site.url(f"ok/{n}") for n in range(40)]))
            assert site.open
        until = time.monotonic() + 5
        while site.open and time.monotonic() < until:
            time.sleep(0.01)
        assert not site.open
    finally:
        gc.enable()
