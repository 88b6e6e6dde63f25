"""The peers, each in an environment of its own, made once and pinned by NAME.txt beside this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NEEDED = {"img2dataset": "cv2, img2dataset", "threads": "cv2, simplejpeg, imagehash, pyarrow, urllib3"}
THREADS = Path(__file__).with_name("threads.py")


def environment(name: str, folder: Path, python: str) -> Path | None:
    """Return the Python of a peer's environment, making it on demand; None when it cannot be had, and why is printed.

    img2dataset 1.47 needs Python 3.12 or older (it imports `imghdr`).
    """
    binary = folder / "bin" / "python"
    if (folder / "ready").is_file():
        return binary
    try:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [binary, "-m", "pip", "install", "-q", "-r", str(Path(__file__).with_name(f"{name}.txt"))], check=True
        )
        subprocess.run([binary, "-c", f"import {NEEDED[name]}"], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"no peer: {name} could not be installed ({error})", file=sys.stderr)
        return None
    (folder / "ready").touch()
    return binary


def threads_command(binary: Path, urls: Path, folder: Path, rule: str, side: int, quality: int) -> list[str]:
    """Return the command of the shortest program that does the same."""
    return [str(word) for word in (binary, THREADS, urls, folder, rule, side, quality)]


def command(binary: Path, urls: Path, folder: Path, rule: str, side: int, quality: int, processes: int) -> list[str]:
    """Return the command that bounds the shortest or longest side of each image, and never enlarges."""
    options = {
        "url_list": urls,
        "input_format": "txt",
        "output_format": "webdataset",
        "output_folder": folder,
        "image_size": side,
        "resize_mode": "keep_ratio" if rule == "shortest" else "keep_ratio_largest",
        "resize_only_if_bigger": True,
        "encode_quality": quality,
        "processes_count": processes,
        "thread_count": 32 * processes,
        "number_sample_per_shard": 500,
        "timeout": 60,
        "enable_wandb": False,
    }
    return [str(binary.with_name("img2dataset")), *(f"--{name}={value}" for name, value in options.items())]
