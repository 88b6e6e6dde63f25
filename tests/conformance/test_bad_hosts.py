"""Every kind of bad host and input at once, through the command: each has its outcome, and none holds the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conformance.bad_hosts import CASES, DOMAIN, OTHERS
from tests.real_input.certificates import certify

ROOT = Path(__file__).parents[2]
DEADLINES = {"connect": 2, "first-byte": 2, "read": 2, "total": 4}
PEAK_MB = 600
_METER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Run `biomill fetch` over all cases; give outcome and detail by URL, seconds, and the peak RSS in MB."""
    folder = tmp_path_factory.mktemp("bad-hosts")
    certificate = certify(folder / "tls", [f"*.{DOMAIN}", "plain-text.test"])
    env = {**os.environ, "SSL_CERT_FILE": str(certificate.authority), "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.bad_hosts", str(certificate.chain), str(certificate.key)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert server.stdout is not None
        plain, secure = json.loads(server.stdout.readline())
        wanted = {f"http://{name}.{DOMAIN}/x.jpg": outcome for name, (outcome, _) in CASES.items()}
        wanted |= {url.replace("HTTP", str(plain)): outcome for url, outcome in OTHERS.items()}
        urls = [*wanted, f"http://good.{DOMAIN}/x.jpg", f"http://good.{DOMAIN}/x.jpg"]
        pq.write_table(pa.table({"url": urls}), folder / "urls.parquet")
        hosts = {url.partition("//")[2].partition("/")[0] for url in wanted if f".{DOMAIN}/" in url}
        routes = [f"{host}:80=127.0.0.1:{plain}" for host in hosts]
        routes += [f"{host}:443=127.0.0.1:{secure}" for host in hosts]
        routes += [f"wrong-name.test=127.0.0.1:{secure}", f"plain-text.test=127.0.0.1:{plain}"]
        routes = [f"refused.{DOMAIN}=127.0.0.1:1", *(r for r in routes if not r.startswith("refused"))]
        options = [f"--connect-to={route}" for route in sorted(routes, reverse=True)]
        options += [f"--{name}-timeout={seconds}" for name, seconds in DEADLINES.items()]
        options += ["--contact=tests@example.org", "--max-retry-after=2", "--patience=6", "--max-bytes=50000000"]
        out = folder / "out"
        started = time.monotonic()
        command = [sys.executable, "-m", "pipeline.commands.cli", "fetch", str(folder / "urls.parquet"), "-o", str(out)]
        # A process starts out with the peak of the one that made it, so a small one stands between.
        metered = [sys.executable, "-c", _METER, *command, *options]
        run = subprocess.run(metered, env=env, cwd=ROOT, check=True, capture_output=True, text=True)
        rows = pq.read_table(out / "outcomes.parquet").to_pylist()
        return {
            "wanted": wanted,
            "rows": rows,
            "seconds": time.monotonic() - started,
            "peak": int(run.stdout) / 1024,
            "folder": out,
        }
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(10)


def test_every_case_gets_its_outcome(fetched: dict[str, object]) -> None:
    rows = {row["url"]: row for row in fetched["rows"]}  # type: ignore[attr-defined]
    wrong = [
        f"{url}: {rows[url]['outcome']}, not {right} ({rows[url]['detail']})"
        for url, right in fetched["wanted"].items()  # type: ignore[attr-defined]
        if rows[url]["outcome"] not in right.split("|")
    ]
    assert not wrong, "\n".join(wrong)
    print(f"{len(rows)} cases, {len(wrong)} wrong, {fetched['seconds']:.1f} s, peak {fetched['peak']:.0f} MB")


def test_there_are_at_least_63_kinds() -> None:
    assert len(CASES) + len(OTHERS) >= 63


def test_the_peak_of_memory_is_bounded(fetched: dict[str, object]) -> None:
    assert fetched["peak"] < PEAK_MB  # type: ignore[operator]


def test_one_url_in_several_rows_is_fetched_once_and_has_one_outcome(fetched: dict[str, object]) -> None:
    rows = [row for row in fetched["rows"] if row["url"] == f"http://good.{DOMAIN}/x.jpg"]  # type: ignore[attr-defined]
    assert len(rows) == 3
    assert len({(row["outcome"], row["file"], row["sha256"]) for row in rows}) == 1


def test_no_case_holds_the_others_beyond_its_deadline(fetched: dict[str, object]) -> None:
    # The slowest case alone: three attempts within its total, back-off, and patience with a host that says 429.
    alone = DEADLINES["total"] + 6 + 3 * DEADLINES["connect"] + 10
    assert fetched["seconds"] < alone + 15  # type: ignore[operator]
