"""A fetch that is killed again and again: `python -m tests.conformance.kill_fetch --kills 20 --urls 2000`.

A loopback host serves pictures, absences, pages, cut pictures and answers of 503 that come once. A fetch of all of
them is killed (SIGKILL, with its workers) at random moments and started again, then compared with one that was left
alone: images and outcomes byte for byte. No URL whose outcome was noted when the kill came may be asked for again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.media.journal import logged
from tests.conformance.bad_bodies import encode, photo

ROOT = Path(__file__).parents[2]


class Site:
    """The host: what was asked, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lock = threading.Lock()
        image = photo()
        self.pictures = [encode(image.rotate(turn).resize((300, 200))) for turn in range(0, 200, 20)]

    def answer(self, path: str) -> tuple[int, bytes]:
        with self.lock:
            self.asked.append(path)
            count = self.asked.count(path) if path.endswith("3") else 0
        number = int(path[1:]) if path[1:].isdigit() else -1
        if number < 0:
            return 404, b""
        if number % 10 == 1:
            return 404, b"nothing"
        if number % 20 == 2:
            return 200, b"<html>log in</html>"
        if number % 20 == 12:
            return 200, self.pictures[number % 7][:-300]
        if number % 200 == 3 and count == 1:
            return 503, b""
        return 200, self.pictures[number % len(self.pictures)] + str(number).encode()


def start(site: Site) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            status, body = site.answer(self.path)
            self.send_response(status)
            if status == 503:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that are killed are the point

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def command(urls: Path, out: Path) -> list[str]:
    options = ["--contact=tests@example.org", "--allow-private=127.0.0.1", "--rate=2000", "--max-retry-after=0.2"]
    return [sys.executable, "-m", "pipeline.commands.cli", "fetch", str(urls), "-o", str(out), "--side=128", *options]


def noted(out: Path) -> set[str]:
    """Return the paths of all URLs that have a final outcome: in a finished unit, or in a journal."""
    found: set[str] = set()
    for path in (out / ".fetch").glob("media/[!.]*.parquet"):  # a kill leaves half files under temporary names
        found |= {str(address) for address in pq.read_table(path, columns=["address"]).column(0).to_pylist()}
    for path in (out / ".fetch").glob("journal/*.log"):
        found |= {str(row["address"]) for _, rows in logged(path) for row in rows}
    return {"/" + address.rpartition("/")[2] for address in found}


def contents(out: Path) -> dict[str, str]:
    files = [*sorted(out.rglob("images/*/*.jpg")), *sorted(out.glob("outcomes.parquet"))]
    files += [*sorted((out / ".fetch").glob("blobs/*")), *sorted((out / ".fetch").glob("media/*"))]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kill_and_compare(urls: int, kills: int, seed: int, folder: Path) -> dict[str, int]:
    """Run the whole comparison; give its figures. `seed` decides the moments of the kills, nothing else."""
    site = Site()
    server = start(site)
    moments = random.Random(seed)
    try:
        listing = folder / "urls.csv"
        listing.write_text("url\n" + "".join(f"http://127.0.0.1:{server.server_address[1]}/{n}\n" for n in range(urls)))
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        started = time.monotonic()
        subprocess.run(command(listing, folder / "calm"), env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        whole = len(contents(folder / "calm"))
        site.asked.clear()
        goals = sorted(moments.sample(range(urls // 50, urls - urls // 50), kills))
        twice, done = 0, 0
        for goal in goals:
            run = subprocess.Popen(
                command(listing, folder / "killed"),
                env=env,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            final, before = noted(folder / "killed"), len(site.asked)
            # The moment is a number of requests, so that every kill comes while the fetch is under way.
            while run.poll() is None and len(set(site.asked)) < goal:
                time.sleep(0.002)
            time.sleep(moments.random() * 0.05)
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            done += run.returncode == -signal.SIGKILL
            twice += len(final & set(site.asked[before:]))
        final, before = noted(folder / "killed"), len(site.asked)
        subprocess.run(command(listing, folder / "killed"), env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        twice += len(final & set(site.asked[before:]))
        calm, killed = contents(folder / "calm"), contents(folder / "killed")
        return {
            "urls": urls,
            "kills": done,
            "files": whole,
            "files_that_differ": sum(calm.get(name) != killed.get(name) for name in {*calm, *killed}),
            "requests": len(site.asked),
            "asked_again_while_in_flight": len(site.asked) - len(set(site.asked)),
            "asked_again_with_a_final_outcome": twice,
            "seconds": round(time.monotonic() - started),
        }
    finally:
        server.shutdown()
        server.server_close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--urls", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        figures = kill_and_compare(args.urls, args.kills, args.seed, Path(name))
    print(json.dumps(figures, indent=1))
    return int(figures["files_that_differ"] > 0 or figures["asked_again_with_a_final_outcome"] > 0)


if __name__ == "__main__":
    sys.exit(main())
