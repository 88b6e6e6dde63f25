"""The layout of an archive: what meta.xml says goes before what headers say."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.sources.conftest import Reader
from tests.pipeline.sources.darwin_core.test_dwca import MEDIA, archive


def test_files_of_one_table_may_each_call_the_id_of_the_core_by_a_name_of_their_own(
    tmp_path: Path, read_release: Reader
) -> None:
    a = MEDIA.replace("coreid", "specimen") + "u1,https://e.org/a.jpg,,\n"
    b = MEDIA.replace("coreid", "catalogue no") + "u2,https://e.org/b.jpg,,\n"
    read = read_release("dwca", archive(tmp_path / "x.zip", a=a, b=b))
    assert {row["media_url"]: row["source_record_id"] for row in read.records} == {
        "https://e.org/a.jpg": "u1",
        "https://e.org/b.jpg": "u2",
    }
