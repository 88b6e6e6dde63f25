"""EOL's manifests: what a medium is follows from which manifest it stands in, and its address."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.sources.conftest import Reader
from tests.pipeline.sources.eol.test_eol import manifest, row

HEADER = (
    *("EOL content ID", "EOL page ID", "Medium Source URL", "EOL Full-Size Copy URL", "License Name"),
    "Copyright Owner",
)


def test_the_manifest_says_what_a_medium_is_where_its_address_does_not(tmp_path: Path, read_release: Reader) -> None:
    page = "https://example.org/page"
    parts = {
        "media_manifest_1.csv": [HEADER, row("1", "7", page, "https://content.eol.org/1")],
        "video_manifest_1.csv": [HEADER, row("2", "7", page, "https://content.eol.org/2")],
        "audio_manifest_1.csv": [HEADER, row("3", "7", page, "https://content.eol.org/3")],
    }
    read = read_release("eol", manifest(tmp_path / "eol", parts))
    kinds = {row["media_url"][-1]: (row["media_type"], row["media_format"]) for row in read.records}
    assert kinds == {"1": ("StillImage", None), "2": ("MovingImage", None), "3": ("Sound", None)}
