"""The demo's web server from the command line: `python -m pipeline.demo.server CORPUS --port 8765`.

It prints the FetchRules.connect_to entries that lead a fetcher to it, and serves until it is interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.demo.hosting import DemoServer, connect_to, serve

__all__ = ["DemoServer", "connect_to", "main", "serve"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a corpus until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.demo.server", description="Serve a demo corpus.")
    parser.add_argument("folder", type=Path, help="folder that build_corpus wrote")
    parser.add_argument("--port", type=int, default=8765, help="port on loopback (default 8765)")
    options = parser.parse_args(arguments)
    server = DemoServer(options.folder, options.port)
    sys.stdout.write("".join(f"connect_to: {entry}\n" for entry in connect_to(server.address)))
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
