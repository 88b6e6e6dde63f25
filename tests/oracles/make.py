"""Make the environments that some tests run, once: `python -m tests.oracles.make [NAME] [FOLDER]`.

One is ready when its last file is written, and made again when its list of packages changes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.oracles.environment import ENVIRONMENTS

_NEEDED = {
    "trainers": "import datasets, faiss, torch, transformers, webdataset",
    "croissant": "import mlcroissant, pyarrow",
    "learning": "import cleanlab, sklearn",
}


def make(name: str, folder: Path) -> bool:
    """Make an environment, and say whether it is there; why not is printed."""
    requirements = Path(__file__).with_name(f"{name}.txt")
    binary, ready, wanted = folder / "bin" / "python", folder / "ready", requirements.read_text(encoding="utf-8")
    if ready.is_file() and ready.read_text(encoding="utf-8") == wanted:
        return True
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        subprocess.run(list(map(str, install)), check=True)
        subprocess.run([str(binary), "-c", _NEEDED[name]], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"what {requirements.name} lists could not be installed ({error})", file=sys.stderr)
        return False
    ready.write_text(wanted, encoding="utf-8")
    return True


if __name__ == "__main__":
    chosen = sys.argv[1:2] or list(ENVIRONMENTS)
    made = [make(each, Path(sys.argv[2]) if sys.argv[2:] else ENVIRONMENTS[each]) for each in chosen]
    sys.exit(0 if all(made) else 1)
