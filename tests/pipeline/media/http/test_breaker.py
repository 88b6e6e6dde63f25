"""When a host is given up: never for refusals that its own record makes likely, always for those that it does not."""

from __future__ import annotations

import math
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media import Fetcher
from pipeline.media.http.breaker import Breaker
from pipeline.model.outcomes import Outcome
from tests.pipeline.media.conftest import Site

KINDS = (Outcome.BLOCKED, Outcome.GONE, Outcome.TIMEOUT, Outcome.CONNECT_FAILED, Outcome.HTTP_ERROR)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("kind", KINDS)
def test_a_host_that_fails_by_chance_is_asked_to_the_end(share: float, kind: Outcome) -> None:
    for seed in range(10):
        draw = random.Random(f"{seed} {share}")
        breaker = Breaker(20)
        asked = 0
        while asked < 2_000 and (breaker.verdict() is None or not breaker.good):
            breaker.note(kind if draw.random() < share else None)
            asked += 1
        assert breaker.verdict() is None or not breaker.good, (seed, breaker)


@given(st.sampled_from(KINDS), st.integers(1, 40))
def test_a_host_that_never_gave_anything_ends_after_as_many_as_the_recipe_says(
    kind: Outcome, give_up_after: int
) -> None:
    breaker, many = Breaker(give_up_after), 10 if kind in (Outcome.GONE, Outcome.HTTP_ERROR) else 1
    for number in range(give_up_after * many):
        assert breaker.verdict() is None, number
        breaker.note(kind, "x")
    assert breaker.verdict() is not None


@given(
    st.lists(st.sampled_from((None, Outcome.BLOCKED, Outcome.GONE, Outcome.HTTP_ERROR)), max_size=300),
    st.integers(1, 40),
)
def test_a_host_that_turns_away_for_good_ends_in_proportion_to_what_it_gave(
    before: list[Outcome | None], give_up_after: int
) -> None:
    breaker = Breaker(give_up_after)
    for outcome in before:
        breaker.note(outcome)
    breaker.note(None)
    asked, refused = len(before) + 1, sum(outcome is Outcome.BLOCKED for outcome in before)
    most = 10 * give_up_after * (sum(outcome is None for outcome in before) + 1)
    count = 0
    while breaker.verdict() is None:
        breaker.note(Outcome.BLOCKED)
        count += 1
        assert count <= most
    assert count >= give_up_after
    chance = math.prod((refused + 1 + n) / (asked + 2 + n) for n in range(count))
    assert chance < 1.0001e-6 or count == most


def test_good_images_between_plain_refusals_are_all_fetched(site: Site) -> None:
    """403 without a word of why, at 70 % of a host's URLs: rows of more than give the host up are common."""
    draw = random.Random(4)
    paths = [f"ok/{n}" if draw.random() < 0.3 else f"refuse/{n}" for n in range(200)]
    assert max(len(run) for run in "".join("o" if p.startswith("ok") else "x" for p in paths).split("o")) >= 10
    with Fetcher(site.rules(give_up_after=6, per_host_connections=1)) as fetcher:
        answers = dict(fetcher.fetch_all([site.url(path) for path in paths]))
    good = [n for n, path in enumerate(paths) if path.startswith("ok")]
    assert sum(not answers[n].ok for n in good) == 0
    assert {answers[n].outcome for n in range(200) if n not in set(good)} == {Outcome.BLOCKED}


S3 = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>m</Message><Key>a.jpg</Key></Error>'


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (403, "AccessDenied", Outcome.GONE),
        (404, "NoSuchKey", Outcome.GONE),
        (404, "NoSuchBucket", Outcome.GONE),
        (400, "NoSuchKey", Outcome.GONE),
        (200, "NoSuchKey", Outcome.GONE),
        (200, "AccessDenied", Outcome.GONE),
        (403, "RequestTimeTooSkewed", Outcome.BLOCKED),
        (403, "SignatureDoesNotMatch", Outcome.BLOCKED),
        (503, "SlowDown", Outcome.THROTTLED),
        (503, "NoSuchKey", Outcome.THROTTLED),
        (500, "InternalError", Outcome.HTTP_ERROR),
    ],
)
def test_an_object_stores_error_document_says_what_its_status_does_not(
    site: Site, status: int, code: str, outcome: Outcome
) -> None:
    with Fetcher(site.rules(attempts=1, per_host_connections=1)) as fetcher:
        answer = fetcher.fetch(site.url(f"body/{status}/{quote(S3.format(code), safe='')}"))
        assert answer.outcome is outcome, answer.detail
        assert answer.status == status
        if outcome is not Outcome.THROTTLED:  # the connection is still good for the next answer
            assert fetcher.fetch(site.url("ok")).data == site.jpeg
            assert len(site.clients) == 1


@pytest.mark.parametrize(
    "body",
    ["<html>AccessDenied</html>", '{"Code": "AccessDenied"}', "<!-- <Error><Code>AccessDenied</Code> -->", "x" * 5000],
)
def test_a_refusal_in_other_words_stays_a_refusal(site: Site, body: str) -> None:
    with Fetcher(site.rules(attempts=1)) as fetcher:
        assert fetcher.fetch(site.url(f"body/403/{quote(body, safe='')}")).outcome is Outcome.BLOCKED
