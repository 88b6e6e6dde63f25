"""Addresses that a page leads to, and lines over steps of a log that holds anything."""

from __future__ import annotations

import json
import re

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.cards.plots import Curve
from pipeline.evaluation_report.shown_pictures import web_address
from pipeline.evaluation_report.step_lines import step_lines
from pipeline.evaluation_report.training_section import points, stretches

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each),
    max_leaves=3,
)


@given(st.text() | st.text().map(lambda text: f"https://e.org/{text}"))
@example("javascript:alert(1)")
@example('https://e.org/"><script>')
@example("http://\u202eevil")
@example("data:text/html,x")
@example("//e.org/x")
def test_an_address_is_plain_or_there_is_none(text: str) -> None:
    found = web_address(text)
    assert found == "" or re.fullmatch(r"https?://[!#-;=?-~]+", found)


def test_addresses_of_pages_are_kept() -> None:
    for address in ("https://www.gbif.org/occurrence/1?x=1&y=2#z", "http://e.org/a%20b", "https://[::1]/x"):
        assert web_address(f" {address}\n") == address
    assert web_address("https://e.org/Ü") == "https://e.org/%C3%9C"


@given(st.lists(st.dictionaries(st.sampled_from(["step", "loss"]), JSON), max_size=8))
def test_a_log_of_anything_is_read_and_drawn(lines: list[dict[str, object]]) -> None:
    read = [json.loads(json.dumps(line)) for line in lines]
    found = points(read, "loss")
    assert found == sorted(found)
    drawn = step_lines("x", "x", [Curve("loss", stretches(found, 4))], "loss").svg()
    assert "nan" not in drawn and "inf" not in drawn


@given(st.lists(st.floats(0, 9), min_size=1, max_size=50), st.integers(1, 9))
def test_stretches_keep_the_last_step_and_the_mean(values: list[float], most: int) -> None:
    found = stretches(list(enumerate(values)), most)
    assert 1 <= len(found) <= most
    assert found[-1][0] == len(values) - 1
    size = found[0][0] + 1
    assert abs(sum(value for _, value in found[:1]) - sum(values[: int(size)]) / size) < 1e-9
