"""Runs commands where there is no network: in a network namespace of their own, with a resolver that may come and go.

As a script it is the inside: it lays out the namespace as the JSON of its argument says, runs the commands one after
another, and prints what became of each as JSON lines. Nothing that it starts can send a packet to another machine.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41


def why_not() -> str:
    """Why namespaces cannot be made here; empty when they can."""
    if shutil.which("unshare") is None:
        return "there is no unshare command"
    probe = subprocess.run([*_unshare(), "mount", "--bind", "/etc/hosts", "/etc/resolv.conf"], capture_output=True)
    return "" if probe.returncode == 0 else f"namespaces cannot be made here: {probe.stderr.decode()[:200]}"


def _unshare() -> list[str]:
    return ["unshare", "-n", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-n", "-m"]


def inside(commands: Sequence[Sequence[str]], **layout: Any) -> list[dict[str, Any]]:
    """Run biomill commands inside; give status, lines, errors and seconds of each, and what the site was asked.

    `loopback`: whether 127.0.0.1 works; `silent`: whether there is a route on which every packet vanishes;
    `resolver_after`: seconds after a command's first line after which names are found, `resolver_before`: the command
    before which they are, `resolver_only`: the commands for which they are, none of these: never; `proxy_after`:
    seconds after which there is a proxy, once the last command began; `demo`: folder of a demo corpus that is served
    at port 80. '{port}' in a command or list is the site's port.
    """
    words = [sys.executable, "-m", "tests.end_to_end.lost_network", json.dumps({"commands": commands, **layout})]
    done = subprocess.run([*_unshare(), *words], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _UP_AND_RUNNING, b""))


def _later(seconds: float, start: Any) -> None:
    timer = threading.Timer(seconds, start)
    timer.daemon = True
    timer.start()


def main() -> None:
    from pipeline.demo import serve as serve_demo
    from tests.pipeline.media.conftest import serve
    from tests.pipeline.media.name_server import NameServer
    from tests.pipeline.media.proxy_server import ProxyServer

    layout = json.loads(sys.argv[1])
    resolver = Path(tempfile.mkdtemp()) / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    port, site, after = 0, None, None
    if layout.get("silent"):
        _loopback()  # which takes packets to any address, and drops those that are for nobody here
        subprocess.run(["ip", "address", "add", "10.9.9.9/32", "dev", "lo"], check=True)
        subprocess.run(["ip", "route", "add", "default", "dev", "lo", "src", "10.9.9.9"], check=True)
    if layout.get("loopback", True):
        _loopback()
        site = next(serving := serve())
        port = site.port
        if "demo" in layout:
            open_demo = serve_demo(Path(layout["demo"]), 80)
            open_demo.__enter__()
        if (after := layout.get("resolver_after")) is not None and after <= 0:
            NameServer()
        if "proxy_after" in layout:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                proxy = free.getsockname()[1]
            environment |= dict.fromkeys(("http_proxy", "https_proxy"), f"http://me:secret@127.0.0.1:{proxy}")
    for number, command in enumerate(layout["commands"]):
        if number == layout.get("resolver_before"):
            NameServer()
        if "proxy_after" in layout and number == len(layout["commands"]) - 1:
            _later(layout["proxy_after"], lambda: ProxyServer(port, at=proxy, secret="me:secret").__enter__())
        names = NameServer() if number in layout.get("resolver_only", ()) else None
        started = time.monotonic()
        words = [word.replace("{port}", str(port)) for word in command]
        for word in words:
            if word.endswith(".csv") and "{port}" in (text := Path(word).read_text()):
                Path(word).write_text(text.replace("{port}", str(port)))
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(
                [sys.executable, "-m", "pipeline.commands.cli", *words],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**environment, "PYTHONUNBUFFERED": "1"},
            ) as process,
        ):
            assert process.stdout is not None
            told = process.stdout.readline()
            if after is not None and after > 0:
                _later(after, NameServer)
            told += process.stdout.read()
            status = process.wait()
            errors.seek(0)
            mistakes = errors.read()
        seconds = time.monotonic() - started
        if names is not None:
            names.close()
        asked = [path for _, path, _ in site.asked] if site else []
        found = {"status": status, "out": told, "err": mistakes, "seconds": seconds, "asked": asked}
        print(json.dumps(found), flush=True)
    if site:
        serving.close()


if __name__ == "__main__":
    main()
