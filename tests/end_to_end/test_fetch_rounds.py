"""Asking again, taking over, and standing in: what a second look at the same media asks of the hosts."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from manifests import Recipe, load_recipe
from pipeline.commands.cli import main
from pipeline.demo import Corpus, DemoServer, connect_to, serve
from pipeline.engine.engine import EngineOptions
from pipeline.media.progress import STORED, Tally, host_lines
from pipeline.model.errors import RunError
from pipeline.run.driver import run


@dataclasses.dataclass
class Fetches:
    recipe: Recipe
    server: DemoServer
    folder: Path
    source: Path
    """The recipe's file."""
    truth: Path

    def begin(self, name: str) -> None:
        """Make a run that has got up to fetch."""
        shutil.copytree(self.folder / "first", self.folder / name, ignore=shutil.ignore_patterns("fetch"))

    def command(self, name: str, *more: str) -> Counter[str]:
        """As `fetch`, by `biomill run` and its options."""
        before = Counter(self.server.hits)
        hosts = ", ".join(f'"{entry}"' for entry in connect_to(self.server.address))
        arguments = ["run", str(self.source), "-o", str(self.folder / name), "--until", "fetch"]
        settings = [f"fetch.connect_to=[{hosts}]", "fetch.patience=1.0"]
        assert main([*arguments, *(word for setting in settings for word in ("--set", setting)), *more]) == 0
        return self._asked(before)

    def fetch(self, name: str, recipe: Recipe | None = None, **options: Any) -> Counter[str]:
        """Run up to fetch; give what was asked of the hosts meanwhile, robots.txt left out."""
        before = Counter(self.server.hits)
        run(recipe or self.recipe, self.folder / name, "fetch", progress=lambda line: None, **options)
        return self._asked(before)

    def _asked(self, before: Counter[str]) -> Counter[str]:
        asked = Counter(self.server.hits) - before
        return Counter({address: n for address, n in asked.items() if not address.endswith("/robots.txt")})

    def rows(self, name: str, part: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.folder / name / "fetch" / part).to_pylist()
        return rows


@pytest.fixture(scope="module")
def fetches(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetches]:
    folder = tmp_path_factory.mktemp("rounds")
    with serve(corpus.folder) as server:
        recipe = load_recipe(corpus.recipe)
        fetch = dataclasses.replace(recipe.fetch, connect_to=connect_to(server.address), patience=3.0)
        fetches = Fetches(dataclasses.replace(recipe, fetch=fetch), server, folder, corpus.recipe, corpus.truth)
        fetches.fetch("first")
        yield fetches


def outcomes(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["outcome"] for row in rows)


def test_a_finished_fetch_asks_for_nothing(fetches: Fetches) -> None:
    assert fetches.fetch("first") == Counter()


def test_a_fetch_that_goes_on_asks_for_nothing_that_stands_in_parts_or_in_files_of_units(fetches: Fetches) -> None:
    whole = fetches.folder / "first" / "fetch"
    media = sorted(path.name for path in (whole / "media").iterdir())
    assert (
        len([name for name in media if name.startswith("part-")]) == len(media) - 1 < len(list(whole.glob("blobs/*")))
    )
    for name, gathered in (("parts", True), ("files", False)):
        fetches.begin(name)
        folder = fetches.folder / name / "fetch"
        shutil.copytree(whole, folder)
        (folder / "_done.json").unlink()
        if not gathered:  # as before the first round was done, and as versions without parts left a run
            for path in sorted(folder.glob("media/part-*.parquet")):
                table = pq.read_table(path)
                for unit in table["unit"].unique().to_pylist():
                    rows = table.filter(pc.field("unit") == unit)
                    pq.write_table(rows, folder / "media" / f"{unit}.parquet", compression="zstd")
                path.unlink()
            shutil.rmtree(folder / "parts")
        assert fetches.fetch(name) == Counter()
        for path in whole.rglob("*.parquet"):
            assert (folder / path.relative_to(whole)).read_bytes() == path.read_bytes(), path


def test_only_rows_with_the_named_outcomes_are_asked_for_again(fetches: Fetches) -> None:
    before = fetches.rows("first", "ledger")
    throttled = {row["row_id"] for row in before if row["outcome"] == "throttled"}
    assert throttled
    asked = fetches.fetch("first", retry=("throttled",))
    assert 1 <= len(asked) <= len(throttled)
    assert all(address.startswith("slow.") for address in asked)
    after = {row["row_id"]: row["outcome"] for row in fetches.rows("first", "ledger")}
    assert after == {row["row_id"]: row["outcome"] for row in before}  # the host still says 429
    with pytest.raises(RunError, match="no such outcome"):
        fetches.fetch("first", retry=("gnoe",))


def test_the_command_line_asks_again_for_the_named_outcomes_and_takes_over_from_an_earlier_run(
    fetches: Fetches,
) -> None:
    fetches.begin("third")
    taken = fetches.command("third", "--reuse", str(fetches.folder / "first"))
    before = fetches.rows("third", "ledger")
    put_off = [row for row in fetches.rows("third", "media") if row["outcome"] == "throttled"]
    urls = [row[name] for row in put_off for name in ("address", "final_url")]
    ended = {url.partition("://")[2].partition("?")[0] for url in urls}
    assert ended & set(taken)  # what throttles was not taken over: it may be well again
    asked = fetches.command("third", "--retry", "throttled,timeout")
    assert asked
    assert all(address.startswith("slow.") for address in asked)
    assert set(asked) <= ended  # and nothing else was asked for, how far the host's patience went this time
    after, again = fetches.rows("third", "ledger"), {row["row_id"] for row in before if row["outcome"] == "throttled"}
    unasked = [row for row in before if row["row_id"] not in again]
    assert [row for row in after if row["row_id"] not in again] == unasked  # word for word
    # How a host that throttles ends depends on when patience with it does, and that on how busy this machine is.
    with fetches.truth.open(encoding="utf-8", newline="") as file:
        own = {row["row_id"]: row["outcome"] for row in csv.DictReader(file)}
    for row in after:
        if row["row_id"] in again:
            assert row["outcome"] in ("throttled", "http_error", "timeout", own[row["row_id"]])
    assert fetches.command("third") == Counter()


def test_two_workers_together_keep_to_the_rate_of_a_host(fetches: Fetches, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 40.0
    fetches.begin("polite")
    started: dict[str, list[float]] = {}
    count = fetches.server.count

    def timed(address: str) -> int:
        started.setdefault(address.partition("/")[0], []).append(time.monotonic())
        return count(address)

    monkeypatch.setattr(fetches.server, "count", timed)
    fetch = dataclasses.replace(fetches.recipe.fetch, per_host_rate=rate)
    fetches.fetch("polite", dataclasses.replace(fetches.recipe, fetch=fetch), options=EngineOptions(workers=2))
    busiest = {
        host: max(sum(0 <= other - at < 1.0 for other in times) for at in times) for host, times in started.items()
    }
    assert max(len(times) for times in started.values()) > 3 * rate
    # Twice the rate would be seen; a few more arrive within a second when a busy machine delivers them late.
    assert max(busiest.values()) <= 1.5 * rate, busiest
    assert outcomes(fetches.rows("polite", "ledger")) == outcomes(fetches.rows("first", "ledger"))


def test_a_retry_that_brings_the_image_changes_the_row_and_nothing_else(fetches: Fetches) -> None:
    gone = [row for row in fetches.rows("first", "ledger") if row["outcome"] == "gone"]
    before = outcomes(fetches.rows("first", "ledger"))
    arrived = {row["record_id"] for row in fetches.rows("first", "arrived")}
    picture = next(path for name, path in sorted(fetches.server.files.items()) if name.endswith(".jpg"))
    missing = [name for name in fetches.server.hits if name not in fetches.server.files]
    missing += [name for name, behaviour in fetches.server.behaviours.items() if behaviour.status in (404, 410)]
    kept = dict(fetches.server.behaviours), dict(fetches.server.files)
    for name in missing:
        if not name.endswith("robots.txt"):
            fetches.server.files[name] = picture
            fetches.server.behaviours.pop(name, None)
    try:
        asked = fetches.fetch("first", retry=("gone",))
    finally:
        fetches.server.behaviours, fetches.server.files = kept
    assert 1 <= len(asked) <= 4 * len(gone)
    after = outcomes(fetches.rows("first", "ledger"))
    assert after["gone"] < before["gone"]
    # Rows that were gone may now end by what the picture is (a box may lie outside it); no other row changes.
    decided = ("gone", "box_outside", "too_small")
    assert {k: n for k, n in after.items() if k not in decided} == {k: n for k, n in before.items() if k not in decided}
    assert arrived < {row["record_id"] for row in fetches.rows("first", "arrived")}


def test_a_second_run_takes_over_what_the_first_has(fetches: Fetches) -> None:
    asked = fetches.fetch("second", reuse=(fetches.folder / "first",))
    hosts = Counter(address.partition("/")[0] for address in asked)
    assert set(hosts) <= {"slow.biota.test", "media.biota.test"}
    kinds = ("throttled", "http_error", "short_body", "too_many_redirects")
    again = {row["address"].partition("?")[0] for row in fetches.rows("first", "media") if row["outcome"] in kinds}
    assert {f"http://{address}" for address in asked} <= again
    images = {row["image_id"]: row["sha256"] for row in fetches.rows("first", "media")}
    assert {row["image_id"]: row["sha256"] for row in fetches.rows("second", "media")} == images


def test_candidates_of_the_same_taxon_stand_in_for_those_that_cannot_be_had(fetches: Fetches) -> None:
    fetch = dataclasses.replace(fetches.recipe.fetch, images_per_taxon=1)
    recipe = dataclasses.replace(fetches.recipe, fetch=fetch)
    fetches.fetch("few", recipe, reuse=(fetches.folder / "first",))
    ledger = fetches.rows("few", "ledger")
    places = {row["record_id"]: row for row in fetches.rows("few", "order.parquet")}
    arrived = {row["record_id"] for row in fetches.rows("few", "arrived")}
    counts = outcomes(ledger)
    assert counts["not_needed"] > 0
    per_taxon = Counter(places[record]["taxon"] for record in arrived)
    failed = [row for row in ledger if row["outcome"] != "not_needed"]
    assert any(row["other_id"] for row in failed)
    for row in failed:
        if row["other_id"]:
            stand_in = places[row["other_id"]]
            assert stand_in["taxon"] == places[row["row_id"]]["taxon"]
            assert stand_in["place"] > 1
            assert row["other_id"] in arrived | {other["row_id"] for other in failed}
    # A taxon that has fewer images than wanted has no candidate left that was not asked for.
    left = {places[row["row_id"]]["taxon"] for row in ledger if row["outcome"] == "not_needed"}
    assert all(per_taxon[taxon] >= 1 for taxon in left)


def test_placeholders_are_asked_for_again_by_name_and_end_as_before(fetches: Fetches) -> None:
    fetches.begin("again")
    fetches.fetch("again", reuse=(fetches.folder / "first",))
    before = fetches.rows("again", "ledger")
    ended = {row["row_id"] for row in before if row["outcome"] == "placeholder"}
    addresses = [
        row["address"] for row in fetches.rows("again", "media") if row["image_id"] in placeholders(fetches, "again")
    ]
    asked = fetches.fetch("again", retry=("placeholder",))
    targets = {name for name in asked if name.endswith("static/unavailable.jpg")}
    assert set(asked) - targets <= {address.removeprefix("http://").partition("?")[0] for address in addresses}
    assert len(asked) - len(targets) >= len(ended)
    assert fetches.rows("again", "ledger") == before
    assert fetches.fetch("again") == Counter()


def test_another_limit_or_list_decides_anew_and_asks_only_for_what_is_had_instead(fetches: Fetches) -> None:
    fetches.begin("limits")
    fetches.fetch("limits", reuse=(fetches.folder / "first",))
    before = fetches.rows("limits", "ledger")

    def decided(**changes: Any) -> tuple[Counter[str], list[dict[str, Any]]]:
        fetch = dataclasses.replace(fetches.recipe.fetch, **changes)
        return fetches.fetch("limits", dataclasses.replace(fetches.recipe, fetch=fetch)), fetches.rows(
            "limits", "ledger"
        )

    asked, ledger = decided(placeholder_addresses=0)
    assert (asked, outcomes(ledger)["placeholder"]) == (Counter(), 0)
    asked, ledger = decided(placeholder_addresses=6)
    assert (asked, outcomes(ledger)["placeholder"]) == (Counter(), 6)
    [digest] = {row["sha256"] for row in fetches.rows("limits", "media") if "/static/unavailable" in row["final_url"]}
    asked, ledger = decided(placeholder_addresses=0, placeholders=(digest,))
    proofs = [json.loads(row["evidence"]) for row in ledger if row["outcome"] == "placeholder"]
    assert (asked, len(proofs)) == (Counter(), 5)
    assert {proof["rule"] for proof in proofs} == {"listed"}
    asked, ledger = decided()
    assert ledger == before
    assert len(asked) == 1  # the alternate of the copy that is a placeholder: without one it was in no plan


def test_a_candidate_stands_in_for_a_placeholder_too(fetches: Fetches) -> None:
    """Every candidate that is asked first is one: further ones are asked until a taxon has what it wants."""
    wanted = {row["record_id"] for row in fetches.rows("few", "order.parquet") if row["place"] == 1}
    candidates = pq.read_table(fetches.folder / "first" / "screen" / "candidates").to_pylist()
    first = {row["image_id"]: row["record_id"] for row in candidates if row["record_id"] in wanted}
    media = {row["image_id"]: row for row in fetches.rows("few", "media") if row["outcome"] is None}
    digests = sorted({media[image]["sha256"] for image in first if image in media})[:60]
    fetch = dataclasses.replace(fetches.recipe.fetch, images_per_taxon=1, placeholders=tuple(digests))
    fetches.fetch("few", dataclasses.replace(fetches.recipe, fetch=fetch), reuse=(fetches.folder / "first",))
    ledger, arrived = fetches.rows("few", "ledger"), {row["record_id"] for row in fetches.rows("few", "arrived")}
    places = {row["record_id"]: row for row in fetches.rows("few", "order.parquet")}
    ended = [row for row in ledger if row["outcome"] == "placeholder"]
    assert len(ended) >= len(digests)
    assert len(arrived) + len(ledger) == len(candidates)
    sums = {row["sha256"] for row in fetches.rows("few", "media") if row["image_id"] in placeholders(fetches, "few")}
    assert sums == set(digests)
    had = {row["record_id"]: row["image_id"] for row in fetches.rows("few", "arrived")}
    assert not set(had.values()) & placeholders(fetches, "few")
    # A taxon that has no image has no candidate left that was not asked for.
    with_image = {places[record]["taxon"] for record in arrived}
    left = {places[row["row_id"]]["taxon"] for row in ledger if row["outcome"] == "not_needed"}
    assert left <= with_image
    assert any(row["other_id"] in arrived for row in ended)


def placeholders(fetches: Fetches, name: str) -> set[str]:
    return {row["image_id"] for row in fetches.rows(name, "placeholders")}


def test_the_numbers_of_progress_are_those_of_the_tables(fetches: Fetches) -> None:
    tally = Tally(fetches.folder / "few" / "fetch")
    tally.refresh()
    media = fetches.rows("few", "media")
    counted: Counter[tuple[str, str]] = Counter((row["host"], row["outcome"] or STORED) for row in media)
    assert tally.counts() == counted
    assert sum(tally.planned.values()) == len(media)
    assert len(list(host_lines(fetches.folder / "few" / "fetch"))) == 1 + len(tally.planned)
