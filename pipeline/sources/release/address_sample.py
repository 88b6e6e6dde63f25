"""A look at the first image addresses of a release, without reading it: on which hosts they lie.

Only the beginnings of its text files are read, whatever their layout, and what looks like the address of an image is
taken: enough to see that a recipe lets none of a release's hosts be asked, and no proof of anything.
"""

from __future__ import annotations

import re
import tarfile
from collections import Counter
from pathlib import Path

from pipeline.model.errors import PipelineError
from pipeline.sources.release.archive import open_archive

HEAD = 256 << 10
"""Bytes of each file that are read."""
_FILES = 16
_TEXT = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".tab")
_IMAGE = re.compile(
    rb"https?://(?:[^/?#@\s\"'<>|,]*@)?([A-Za-z0-9.-]+(?::\d{1,5})?)/[^\s\"'<>|,]*\.(?:jpe?g|png|webp|gif|tiff?)(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def sampled_hosts(path: Path) -> Counter[str]:
    """Return the hosts of the first image addresses of a release and how many lie on each; empty where none is seen.

    Tars are not looked into, as finding their members is reading them whole; what is damaged is for the reader of the
    source to say.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.csv")
    ...     _ = file.write_text("url,page\\nhttps://A.org/1.JPG,https://b.org/1.html\\nhttp://a.org:8080/x/2.png?s=1,\\n")
    ...     sorted(sampled_hosts(file).items())
    [('a.org', 1), ('a.org:8080', 1)]
    """
    hosts: Counter[str] = Counter()
    try:
        if path.is_file() and tarfile.is_tarfile(path):
            return hosts
        archive = open_archive(path)
        if archive.kind == "tar":
            return hosts
        members = [each for each in archive.members if each.base.lower().removesuffix(".gz").endswith(_TEXT)]
        for member in members[:_FILES]:
            for found in _IMAGE.finditer(archive.head(member, HEAD)):
                hosts[found[1].decode("ascii").lower()] += 1
    except (PipelineError, OSError):
        return Counter()
    return hosts
