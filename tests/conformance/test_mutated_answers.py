"""No answer is taken for another one, or ends the client: a few seconds of what `mutated_answers` does for minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("h11", reason="needs h11, which says what random answers mean")

from tests.conformance.answer_mutations import BAD, GOOD, plan
from tests.conformance.mutated_answers import certified, fetch, judge, run

EXCHANGES = 3000


def test_every_answer_is_its_own_urls_whole_body_or_an_outcome() -> None:
    tally = run(EXCHANGES, seed=7)
    assert not tally.ended, "\n".join(tally.ended[:10])
    assert not tally.wrong, "\n".join(tally.wrong[:10])
    assert tally.exchanges == EXCHANGES
    assert {*GOOD, *BAD, "random", "good neighbour"} <= set(tally.reached)
    assert {f"status {code}" for code in range(100, 200) if code != 101} <= set(tally.reached)
    assert tally.connections < tally.requests, "connections are kept alive"


def test_the_whole_fetcher_gives_every_url_its_own_body() -> None:
    tally = fetch(800, seed=8)
    assert not tally.wrong, "\n".join(tally.wrong[:10])
    assert tally.exchanges == 800


def test_it_is_the_same_under_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")  # restored behind the test
    tally = run(600, seed=9, context=certified(tmp_path))
    assert not tally.ended + tally.wrong, "\n".join((tally.ended + tally.wrong)[:10])
    assert tally.outcomes["good neighbour -> ok"] == 300


def test_a_body_of_another_url_a_cut_one_and_a_longer_one_are_each_called_wrong() -> None:
    number = next(n for n in range(1, 999, 2) if plan(1, n).name == "chunked")
    wanted = plan(1, number)
    assert wanted.right is not None
    assert not judge(number, wanted, wanted.right, "")
    for data in (wanted.right[:-1], wanted.right + b"\r", plan(1, number + 1).right, b""):
        assert judge(number, wanted, data or b"", "")
