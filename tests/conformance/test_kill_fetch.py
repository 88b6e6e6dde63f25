from __future__ import annotations

from pathlib import Path

from tests.conformance.kill_fetch import kill_and_compare


def test_a_killed_fetch_goes_on_and_asks_for_nothing_twice(tmp_path: Path) -> None:
    figures = kill_and_compare(urls=300, kills=3, seed=2, folder=tmp_path)
    assert figures["kills"] == 3
    assert figures["files_that_differ"] == 0
    assert figures["asked_again_with_a_final_outcome"] == 0
