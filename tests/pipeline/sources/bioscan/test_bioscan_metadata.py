"""What both releases of BIOSCAN share: how a release is called."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.sources.bioscan.test_bioscan1m import insect, table
from tests.pipeline.sources.conftest import Reader


def test_a_release_is_called_as_its_metadata_unless_the_recipe_names_it(tmp_path: Path, read_release: Reader) -> None:
    path = tmp_path / "BIOSCAN_Insect_Dataset_metadata.tsv"
    path.write_bytes(table([insect("A-1")]))
    assert read_release("bioscan1m", path).release.release == "BIOSCAN_Insect_Dataset_metadata"
    assert read_release("bioscan1m", path, release="v2").release.release == "v2"
