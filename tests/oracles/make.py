"""Make the environment of published trainers that some tests run, once: python -m tests.oracles.make [FOLDER].

It is ready when the last line is written, and made again when trainers.txt changes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.oracles.environment import FOLDER, REQUIREMENTS

_NEEDED = "import datasets, torch, webdataset"


def make(folder: Path) -> bool:
    """Make the environment, and say whether it is there; why not is printed."""
    binary, ready, wanted = folder / "bin" / "python", folder / "ready", REQUIREMENTS.read_text(encoding="utf-8")
    if ready.is_file() and ready.read_text(encoding="utf-8") == wanted:
        return True
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        subprocess.run(list(map(str, install)), check=True)
        subprocess.run([str(binary), "-c", _NEEDED], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"the published trainers could not be installed ({error})", file=sys.stderr)
        return False
    ready.write_text(wanted, encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(0 if make(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER) else 1)
