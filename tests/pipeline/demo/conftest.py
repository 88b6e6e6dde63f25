"""The corpus, built once, and its input rows, read back from the published files by code of the tests' own."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from PIL import Image, ImageOps

from pipeline.demo import Corpus, DemoServer, build_corpus, serve
from pipeline.model import ids

DemoRows = list["InputRow"]


@dataclass(frozen=True)
class InputRow:
    """One row of a release as the ledger counts them, with the bytes of its medium where the corpus has some."""

    row_id: str
    source: str
    data: bytes | None
    box: tuple[int, int, int, int] | None = None

    def picture(self) -> Image.Image:
        assert self.data is not None
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(self.data))).convert("RGB")
        if self.box is not None:
            x, y, width, height = self.box
            image = image.crop((x, y, min(x + width, image.width), min(y + height, image.height)))
        return image


@pytest.fixture(scope="session")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return build_corpus(tmp_path_factory.mktemp("biota") / "shuffled", shuffle=5)


@pytest.fixture(scope="session")
def truth(corpus: Corpus) -> list[dict[str, str]]:
    with corpus.truth.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def read_rows() -> Callable[[Corpus], DemoRows]:
    return _read


@pytest.fixture(scope="session")
def rows(corpus: Corpus) -> DemoRows:
    return _read(corpus)


@pytest.fixture
def server(corpus: Corpus) -> Iterator[DemoServer]:
    with serve(corpus.folder) as started:
        yield started


def _read(corpus: Corpus) -> DemoRows:
    return [*_gbif(corpus), *_eol(corpus), *_bioscan(corpus), *_fathomnet(corpus)]


def _web(corpus: Corpus, url: str) -> bytes | None:
    address = url.partition("://")[2].partition("?")[0]
    behaviours = json.loads((corpus.www / "behaviours.json").read_text("utf-8"))
    if address in behaviours and behaviours[address]["location"]:
        return _web(corpus, behaviours[address]["location"]) if address.startswith("slow.biota.test/moved") else None
    path = corpus.www / address
    return path.read_bytes() if address and path.is_file() else None


def _gbif(corpus: Corpus) -> DemoRows:
    (path,) = (corpus.folder / "gbif").iterdir()
    with zipfile.ZipFile(path) as archive:
        tables = {name: archive.read(name).decode() for name in ("occurrence.txt", "multimedia.txt")}
    header, *lines = tables["occurrence.txt"].rstrip("\n").split("\n")
    assert all(line.count("\t") == header.count("\t") for line in lines)
    known = {line.split("\t")[0] for line in lines}
    assert len(known) == len(lines)
    header, *lines = tables["multimedia.txt"].rstrip("\n").split("\n")
    found, with_media = [], set()
    for line in lines:
        if line.count("\t") != header.count("\t"):
            found.append(InputRow(ids.ended_id("gbif", "multimedia", line), "gbif", None))
            continue
        row = dict(zip(header.split("\t"), line.split("\t"), strict=True))
        with_media.add(row["gbifID"])
        key = row["identifier"] or row["references"]
        row_id = ids.record_id("gbif", row["gbifID"], hashlib.md5(key.encode()).hexdigest(), "")
        found.append(InputRow(row_id, "gbif", _web(corpus, row["identifier"])))
    return found + [InputRow(ids.record_id("gbif", key, "", ""), "gbif", None) for key in sorted(known - with_media)]


def _eol(corpus: Corpus) -> DemoRows:
    with tarfile.open(corpus.folder / "eol" / "media_manifest.tgz") as archive:
        parts = {name: archive.extractfile(name).read().decode() for name in archive.getnames()}  # type: ignore[union-attr]
    rows = [row for name in sorted(parts) for row in csv.reader(io.StringIO(parts[name], newline=""))]
    assert rows[0][0] == "EOL content ID"
    assert all(row[0].isdigit() and len(row) == 6 for row in rows[1:])
    return [
        InputRow(ids.record_id("eol", page, content, ""), "eol", _web(corpus, url))
        for content, page, _, url, *_ in rows[1:]
    ]


def _bioscan(corpus: Corpus) -> DemoRows:
    (path,) = (corpus.folder / "bioscan").glob("*.csv")
    (store,) = (corpus.folder / "bioscan").glob("*.zip")
    header, *lines = path.read_text("utf-8").rstrip("\n").split("\n")
    found = []
    with zipfile.ZipFile(store) as archive:
        members = set(archive.namelist())
        for line in lines:
            if line.count(",") != header.count(","):
                found.append(InputRow(ids.ended_id("bioscan", "metadata", line), "bioscan", None))
                continue
            row = dict(zip(header.split(","), line.split(","), strict=True))
            folders = [row["split"], *([row["chunk"]] if row["chunk"] else [])]
            name = "/".join(["bioscan5m/images/cropped_256", *folders, f"{row['processid']}.jpg"])
            row_id = ids.record_id("bioscan", row["processid"], row["processid"], "")
            found.append(InputRow(row_id, "bioscan", archive.read(name) if name in members else None))
    return found


def _fathomnet(corpus: Corpus) -> DemoRows:
    found = []
    for image in json.loads((corpus.folder / "fathomnet" / "images.json").read_text("utf-8")):
        data = _web(corpus, image["url"])
        for box in image["boundingBoxes"]:
            row_id = ids.record_id("fathomnet", image["uuid"], image["uuid"], box["uuid"])
            place = (box["x"], box["y"], box["width"], box["height"])
            found.append(InputRow(row_id, "fathomnet", data, place))
        if not image["boundingBoxes"]:
            found.append(InputRow(ids.record_id("fathomnet", image["uuid"], image["uuid"], ""), "fathomnet", data))
    return found
