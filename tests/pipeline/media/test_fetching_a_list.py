"""`biomill fetch`: what is asked, kept and told, when the command is given again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.commands.cli import main
from tests.pipeline.media.conftest import Site

Fetch = Callable[..., tuple[list[str], dict[str, str]]]


@pytest.fixture
def fetch(site: Site, tmp_path: Path) -> Fetch:
    """Fetch paths of the site; gives the paths that were asked for, and the outcome of each."""

    def run(paths: list[str], *more: str) -> tuple[list[str], dict[str, str]]:
        listing, before = tmp_path / "urls.csv", len(site.asked)
        listing.write_text("url\n" + "".join(site.url(path) + "\n" for path in paths))
        options = [f"--connect-to=media.example.org=127.0.0.1:{site.port}", "--no-robots", "--rate=1000"]
        options += ["--read-timeout=0.4", "--first-byte-timeout=0.4", "--connect-timeout=1", "--attempts=1"]
        options += ["--patience=0.2", "--max-retry-after=0.05", "--min-side=8", *more]
        status = main(["fetch", str(listing), "-o", str(tmp_path / "out"), *options])
        rows = pq.read_table(tmp_path / "out" / "outcomes.parquet").to_pylist()
        assert status == (0 if any(row["outcome"] == "stored" for row in rows) else 4)
        start = len(site.url(""))
        return [path[1:] for _, path, _ in site.asked[before:]], {row["url"][start:]: row["outcome"] for row in rows}

    return run


def images(folder: Path) -> list[Path]:
    return sorted((folder / "out" / "images").rglob("*.*"))


def outcome_rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "out" / "outcomes.parquet").to_pylist()
    return rows


def test_an_image_is_kept_once_and_one_that_was_lost_is_asked_for_again(fetch: Fetch, tmp_path: Path) -> None:
    paths = ["ok/1", "ok/2", "status/404", "ok/1", "html/1"]
    asked, outcomes = fetch(paths)
    assert Counter(asked) == Counter(set(paths))
    assert outcomes == {"ok/1": "stored", "ok/2": "stored", "status/404": "gone", "html/1": "not_an_image"}
    kept = {path: path.read_bytes() for path in images(tmp_path)}
    assert len(kept) == 2
    assert not list((tmp_path / "out" / ".fetch").rglob("*.bin"))
    assert fetch(paths) == ([], outcomes)
    lost, cut = kept
    lost.unlink()
    again, _ = fetch(paths)
    cut.write_bytes(b"")
    once_more, after = fetch(paths)
    assert sorted(again + once_more) == ["ok/1", "ok/2"]
    assert {path: path.read_bytes() for path in images(tmp_path)} == kept
    assert after == outcomes
    assert fetch(paths) == ([], outcomes)


def test_only_the_named_outcomes_are_asked_for_again(fetch: Fetch, site: Site) -> None:
    paths = ["ok/1", "status/404", "hang/1", "throttle/0"]
    _, outcomes = fetch(paths)
    assert outcomes == {"ok/1": "stored", "status/404": "gone", "hang/1": "timeout", "throttle/0": "throttled"}
    asked, after = fetch(paths, "--retry=throttled,timeout")
    assert set(asked) == {"hang/1", "throttle/0"}
    assert after == outcomes
    assert fetch(paths, "--retry=none") == ([], outcomes)


def test_a_list_that_was_worked_off_is_asked_again_for_what_was_not_reached(
    fetch: Fetch, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = ["ok/1", "status/404", "hang/1", "cut", "status/500"]
    _, outcomes = fetch(paths)
    assert outcomes == dict(zip(paths, ["stored", "gone", "timeout", "connect_failed", "http_error"], strict=True))
    said = capsys.readouterr().out
    assert " --min-side=8 --retry connect_failed,http_error,timeout\n" in said
    asked, after = fetch(paths)
    assert (set(asked), after) == ({"hang/1", "cut"}, outcomes)
    assert "2 media that were not reached are asked for again" in capsys.readouterr().out


def test_a_longer_list_asks_only_for_what_is_new_and_a_shorter_one_leaves_no_image_behind(
    fetch: Fetch, tmp_path: Path
) -> None:
    fetch(["ok/1", "ok/2", "status/404"])
    asked, _ = fetch(["ok/1", "ok/2", "ok/3", "status/404"])
    assert asked == ["ok/3"]
    assert len(images(tmp_path)) == 3
    asked, outcomes = fetch(["ok/2"])
    assert (asked, outcomes) == ([], {"ok/2": "stored"})
    assert len(images(tmp_path)) == 1


def test_other_rules_make_every_image_anew(fetch: Fetch, tmp_path: Path) -> None:
    paths = ["ok/1", "ok/2"]
    fetch(paths, "--side=16")
    asked, _ = fetch(paths, "--side=32")
    assert sorted(asked) == paths
    for path in images(tmp_path):
        with Image.open(path) as image:
            assert min(image.size) == 32


def test_pictures_under_many_addresses_of_a_host_are_pointed_out_and_listed_ones_end_as_placeholder(
    fetch: Fetch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same, moved = [f"slow/0/{number}" for number in range(6)], [f"to//slow/0.01/{number}?" for number in range(4)]
    paths = [*same, *moved, "ok/1", "ok/large", "ok/small"]
    _, outcomes = fetch(paths)
    assert set(outcomes.values()) == {"stored"}
    rows = {row["url"].partition(".org/")[2]: row for row in outcome_rows(tmp_path)}
    assert {path for path, row in rows.items() if row["placeholder"]} == {*same, *moved}
    digest = rows[same[0]]["sha256"]
    told = capsys.readouterr().out
    assert f"media.example.org: 10 addresses gave the same bytes, {digest}" in told
    assert f"see {images(tmp_path)[0].parent.parent}" in told

    asked, after = fetch(paths, "--placeholder", digest.upper())
    assert asked == []
    assert {path for path, outcome in after.items() if outcome == "placeholder"} == {*same, *moved}
    assert len(images(tmp_path)) == 3
    rows = {row["url"].partition(".org/")[2]: row for row in outcome_rows(tmp_path)}
    assert (rows[same[0]]["file"], rows[same[0]]["placeholder"], rows["ok/1"]["placeholder"]) == (None, "listed", None)
    assert fetch([*paths, "ok/2"], "--placeholder", digest)[0] == ["ok/2"]  # cut into other units, and nothing is lost
    asked, after = fetch(paths, "--retry=placeholder")
    assert set(same) < set(asked)
    assert len(asked) == len(same) + 2 * len(moved)
    assert set(after.values()) == {"stored"}


def test_sizes_of_one_picture_and_few_addresses_are_not_pointed_out(fetch: Fetch, tmp_path: Path) -> None:
    sizes = [f"slow/0/7/{size}.jpg" for size in ("square", "small", "medium", "large", "original", "640x480")]
    fetch(sizes)
    assert {row["placeholder"] for row in outcome_rows(tmp_path)} == {None}
    few = [f"slow/0/{number}" for number in range(4)]
    fetch(few)
    assert {row["placeholder"] for row in outcome_rows(tmp_path)} == {None}
    fetch(few, "--placeholder-addresses=4")
    assert {row["placeholder"] for row in outcome_rows(tmp_path)} == {"same bytes"}


def test_a_digest_that_is_none_is_refused_before_anything_is_asked(fetch: Fetch, site: Site) -> None:
    with pytest.raises(SystemExit) as refused:
        fetch(["ok/1"], "--placeholder=c0ffee")
    assert refused.value.code == 2
    assert site.asked == []


def test_two_processes_share_a_host_and_give_the_same_files(fetch: Fetch, tmp_path: Path) -> None:
    paths = [f"ok/{number}" for number in range(24)]
    fetch(paths)
    one = [(path.name, path.read_bytes()) for path in images(tmp_path)]
    for path in sorted((tmp_path / "out").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    asked, outcomes = fetch(paths, "--workers=2")
    assert sorted(asked) == sorted(paths)
    assert set(outcomes.values()) == {"stored"}
    assert [(path.name, path.read_bytes()) for path in images(tmp_path)] == one


def test_a_killed_command_leaves_no_process_at_its_journals(site: Site, tmp_path: Path) -> None:
    (tmp_path / "urls.csv").write_text("url\n" + "".join(site.url(f"slow/0.5/{n}") + "\n" for n in range(200)))
    command = [
        sys.executable,
        "-m",
        "pipeline.commands.cli",
        "fetch",
        str(tmp_path / "urls.csv"),
        "-o",
        str(tmp_path / "out"),
    ]
    options = [f"--connect-to=media.example.org=127.0.0.1:{site.port}", "--no-robots", "--rate=1000", "--workers=2"]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while len(site.clients) < 8 and process.poll() is None:  # each of the two keeps four connections
            time.sleep(0.05)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
