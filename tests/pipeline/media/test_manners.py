"""What a host says of machine use is kept to: robots.txt, and every opt-out header."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.media import Fetcher
from pipeline.model.outcomes import Outcome
from tests.pipeline.media.conftest import Site


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ("X-Robots-Tag=noai", Outcome.OPTED_OUT_NOAI),
        ("X-Robots-Tag=nofollow, NoImageAI", Outcome.OPTED_OUT_NOIMAGEAI),
        ("X-Robots-Tag=noindex", Outcome.OPTED_OUT_NOINDEX),
        ("X-Robots-Tag=none", Outcome.OPTED_OUT_NOINDEX),
        ("X-Robots-Tag=noml", Outcome.OPTED_OUT_NOML),
        ("X-Robots-Tag=biomill: noai", Outcome.OPTED_OUT_NOAI),
        ("X-Robots-Tag=googlebot: noai, noindex", None),
        ("X-Robots-Tag=max-image-preview: large", None),
        ("tdm-reservation=1", Outcome.OPTED_OUT_TDM),
        ("tdm-reservation=0", None),
    ],
)
def test_every_opt_out_header_is_its_own_outcome_and_can_be_turned_off(
    site: Site, header: str, outcome: Outcome | None
) -> None:
    url = site.url("say/" + quote(header))
    with Fetcher(site.rules()) as fetcher:
        answer = fetcher.fetch(url)
    assert (answer.outcome, answer.ok, answer.data == b"") == (outcome, outcome is None, outcome is not None)
    with Fetcher(site.rules(opt_outs=())) as fetcher:
        assert fetcher.fetch(url).ok


def test_the_group_of_robots_txt_that_names_us_speaks_for_us(site: Site) -> None:
    site.robots = "User-agent: *\nDisallow: /\n\nUser-agent: Biomill\nDisallow: /ok/private\nAllow: /ok/private/not\n"
    with Fetcher(site.rules(robots=True)) as fetcher:
        paths = ("ok/a", "ok/private/b", "ok/private/not/c")
        outcomes = [fetcher.fetch(site.url(path)).outcome for path in paths]
    assert outcomes == [None, Outcome.ROBOTS_DISALLOWED, None]
    assert [path for _, path, _ in site.asked] == ["/robots.txt", "/ok/a", "/ok/private/not/c"]


def test_a_host_without_robots_txt_allows_everything(site: Site) -> None:
    with Fetcher(site.rules(robots=True)) as fetcher:
        assert fetcher.fetch(site.url("ok/a")).ok


def test_a_crawl_delay_lies_between_all_requests_of_the_host(site: Site) -> None:
    site.robots = "User-agent: *\nCrawl-delay: 0.2\n"
    with Fetcher(site.rules(robots=True)) as fetcher:
        started = time.monotonic()
        assert all(answer.ok for _, answer in fetcher.fetch_all([site.url(f"ok/{n}") for n in range(4)]))
        assert time.monotonic() - started >= 0.6
    times = [at for at, path, _ in site.asked if path != "/robots.txt"]
    assert all(later - earlier > 0.15 for earlier, later in itertools.pairwise(times))


def test_a_throttled_answer_says_the_same_whenever_its_host_was_given_up(site: Site) -> None:
    """URLs that were put off, and those that nobody asked for, differ only by the moment."""
    urls = [site.url(f"throttle/{wait}/{n}") for wait in ("0", "3600", "Wed,_21_Oct_2099_07:28:00_GMT") for n in "abcd"]
    with Fetcher(site.rules(patience=0.1)) as fetcher:
        answers = [answer for _, answer in fetcher.fetch_all(urls)]
    said = {(answer.outcome, answer.status, answer.attempts, answer.content_type, answer.detail) for answer in answers}
    assert said == {(Outcome.THROTTLED, 429, 0, "", "the host asks for more patience than the rules give")}
    assert sorted(answer.final_url for answer in answers) == sorted(urls)


def test_a_url_that_is_always_put_off_ends_as_soon_in_a_resumed_run(site: Site, tmp_path: Path) -> None:
    """The host is known to answer: by its other media in one run, by its robots.txt of that run in the next."""
    rules = site.rules(robots=True, patience=300.0)
    asked = []
    for urls in ([site.url("ok/a"), site.url("throttle/0")], [site.url("throttle/0")]):
        site.asked.clear()
        with Fetcher(rules, robots=tmp_path) as fetcher:
            answers = dict(fetcher.fetch_all(urls))
        assert answers[len(urls) - 1].outcome is Outcome.THROTTLED
        asked.append((site.count("robots.txt"), site.count("throttle/0")))
    assert asked == [(1, 6), (0, 6)]
