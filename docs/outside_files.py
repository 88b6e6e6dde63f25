"""Links of pages to `examples/`, which lies beside the pages: the site takes the scripts along (see mkdocs.yml).

On a code host the links lead to the scripts themselves; in the site they lead to copies of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_FOLDER = "examples"


def on_files(files: Files, *, config: Any) -> Files:
    """Add the scripts to what is copied into the site."""
    beside = Path(config.docs_dir).parent / _FOLDER
    for path in sorted(beside.glob("*.py")):
        files.append(File.generated(config, f"{_FOLDER}/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the text of a page with its links to the scripts as they are in the site."""
    return markdown.replace(f"](../{_FOLDER}/", f"]({_FOLDER}/")
