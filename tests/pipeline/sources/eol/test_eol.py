"""EOL: headers in any part, names by page from either layout of the hierarchy."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import tarfile
from pathlib import Path

import pytest

from pipeline.model.errors import SourceError
from pipeline.model.ids import record_id
from pipeline.sources.eol.media_manifest import MANIFEST_COLUMNS
from tests.pipeline.sources.conftest import Reader

ROW = ("11", "7", "https://www.inaturalist.org/photos/5", "https://content.eol.org/data/media/aa/bb/cc/x.jpg")


def row(content: str = "11", page: str = "7", source: str = ROW[2], url: str = ROW[3], *rest: str) -> tuple[str, ...]:
    return (content, page, source, url, *(rest or ("cc-by 3.0", "A. Owner")))


def text(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def manifest(folder: Path, parts: dict[str, list[tuple[str, ...]]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in parts.items():
        (folder / name).write_text(text(rows))
    return folder


OLD = "taxonID\tacceptedNameUsageID\tparentNameUsageID\tscientificName\ttaxonRank\tcanonicalName\teolID\n" + "\n".join(
    "\t".join(cells)
    for cells in (
        ("t1", "", "", "Animalia", "kingdom", "Animalia", "1"),
        ("t2", "", "t1", "Carnivora Bowdich, 1821", "order", "Carnivora", "2"),
        ("t3", "", "t2", "Felidae", "family", "Felidae", ""),
        ("t4", "", "t3", "Puma Jardine, 1834", "genus", "Puma", "4"),
        ("t5", "", "t4", "Puma concolor (Linnaeus, 1771)", "species", "Puma concolor", "7"),
        ("t6", "", "t5", "Puma concolor couguar (Kerr, 1792)", "subspecies", "Puma concolor couguar", "8"),
        ("t7", "t5", "", "Felis concolor Linnaeus, 1771", "species", "Felis concolor", "9"),
        ("t8", "t5", "", "Felis cougar", "species", "Felis cougar", "7"),
        ("t9", "", "t10", "Circularis", "genus", "Circularis", "30"),
        ("t10", "", "t9", "Circularidae", "family", "Circularidae", ""),
        ("broken line",),
    )
) + "\n"  # fmt: skip


def hierarchy(path: Path, broken: bool = False) -> Path:
    lines = OLD if broken else OLD.replace("broken line\n", "")
    path.write_text(lines)
    return path


def test_pages_are_named_through_the_hierarchy(tmp_path: Path, read_release: Reader) -> None:
    pages = {str(n): row(str(100 + n), page) for n, page in enumerate(("7", "8", "9", "2", "30", "404"))}
    folder = manifest(tmp_path / "m", {"media_manifest_1.csv": [MANIFEST_COLUMNS, *pages.values()]})
    read = read_release("eol", folder, hierarchy=str(hierarchy(tmp_path / "taxon.tab")))
    names = ("scientific_name", "name_authorship", "rank_verbatim", "kingdom", "order", "family", "genus", "species")
    found = {page: [read.one(page)[name] for name in names] for page in ("7", "8", "9", "2", "30", "404")}
    lineage = ["Animalia", "Carnivora", "Felidae", "Puma", "Puma concolor"]
    assert found["7"] == ["Puma concolor", "(Linnaeus, 1771)", "species", *lineage]
    assert found["8"] == ["Puma concolor couguar", "(Kerr, 1792)", "subspecies", *lineage]
    assert found["9"] == ["Felis concolor", "Linnaeus, 1771", "species", *lineage]
    assert found["2"] == ["Carnivora", "Bowdich, 1821", "order", "Animalia", "Carnivora", None, None, None]
    assert found["30"][:3] == ["Circularis", None, "genus"]
    assert found["30"][5] == "Circularidae"
    assert found["404"] == [None] * 8
    assert read.one("404")["issues"] == ["PAGE_UNKNOWN"]
    assert read.one("7")["taxon_id"] == "eol:7"


def test_both_layouts_of_the_hierarchy_name_pages_alike(tmp_path: Path, read_release: Reader) -> None:
    folder = manifest(tmp_path / "m", {"media_manifest_1.csv": [MANIFEST_COLUMNS, row()]})
    old = hierarchy(tmp_path / "taxon.tab")
    new = tmp_path / "dh"
    new.mkdir()
    cells = [line.split("\t") for line in OLD.replace("broken line\n", "").splitlines()]
    order = [6, 0, 2, 1, 5, 3, 4]
    lines = ["\t".join([*(cell[i] for i in order), cell[3].removeprefix(cell[5]).strip()]) for cell in cells]
    lines[0] = "\t".join([*(cells[0][i] for i in order), "scientificNameAuthorship"])
    (new / "taxon.tsv").write_text("\n".join(lines) + "\n")
    assert (
        read_release("eol", folder, hierarchy=str(old)).content()
        == read_release("eol", folder, hierarchy=str(new)).content()
    )


def test_parts_may_lack_the_header_and_types_come_from_their_names(tmp_path: Path, read_release: Reader) -> None:
    parts = {
        "media_manifest_1.csv": [MANIFEST_COLUMNS, row("1"), row("2")],
        "media_manifest_3.csv": [row("3", "7", "", "https://content.eol.org/data/media/1/2/3/q.jpg")],
        "video_manifest_10.csv": [row("4", "7", "", "https://content.eol.org/data/media/1/2/3/v.mp4")],
        "audio_manifest_5.csv": [MANIFEST_COLUMNS, row("5", "7", "", "https://content.eol.org/data/media/1/2/3/a.ogg")],
    }
    path = tmp_path / "media_manifest.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, rows in sorted(parts.items(), reverse=True):
            data = text(rows).encode()
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    read = read_release("eol", path)
    types = {r["source_media_id"]: r["media_type"] for r in read.records}
    assert [types[n] for n in "12345"] == ["StillImage", "StillImage", "StillImage", "MovingImage", "Sound"]
    assert read.release.facts["parts_missing"] == "2,4,6,7,8,9"
    assert {r["locator_file"] for r in read.records} == {f"media_manifest.tgz!{name}" for name in parts}
    unpacked = read_release("eol", manifest(tmp_path / "m", parts), release="media_manifest")
    assert unpacked.content() == read.content()


def test_manifest_rows_become_records(tmp_path: Path, read_release: Reader) -> None:
    rows = [
        row(
            "1",
            "7",
            "https://commons.wikimedia.org/wiki/File:Puma range map.png",
            ROW[3],
            "public domain",
            'Two\n"lines"',
        ),
        row("2", "8", "https://www.inaturalist.org/photos/5", ROW[3], "cc-by-nc", ""),
        row("3", "9", "http://example.org/taxon/9", "https://content.eol.org/data/media/aa/bb/cc/y.jpg", "", "X"),
        row("", "7"),
        row("4", "7", "http://example.org", ""),
    ]
    read = read_release("eol", manifest(tmp_path / "m", {"media_manifest_1.csv": [MANIFEST_COLUMNS, *rows]}))
    assert read.outcomes() == {"id_missing": 1, "no_url": 1}
    assert next(r for r in read.ended if r["outcome"] == "no_url")["row_id"] == record_id("s", "7", "4")
    first, second, third = (read.one(page) for page in ("7", "8", "9"))
    assert (first["media_type"], first["license_family"], first["rights_holder"]) == ("Map", "PD", 'Two\n"lines"')
    assert (second["media_key"], second["occurrence_key"]) == ("inat:5", "inat:5")
    assert second["license_id"] == "CC-BY-NC-4.0"
    assert (third["media_key"], third["license_verbatim"]) == ("eol:aa/bb/cc/y", None)
    assert third["record_id"] == record_id("s", "9", "3")


def test_shuffled_rows_and_other_splits_give_the_same_content(tmp_path: Path, read_release: Reader) -> None:
    rows = [
        row(str(n), str(n % 40), f"https://www.flickr.com/photos/x/{n}", ROW[3], "cc-by 2.0", "a\nb, c")
        for n in range(300)
    ]
    taxa = str(hierarchy(tmp_path / "taxon.tab"))
    one = manifest(tmp_path / "a", {"media_manifest_1.csv": [MANIFEST_COLUMNS, *rows]})
    random.Random(3).shuffle(rows)
    two = manifest(
        tmp_path / "b", {"media_manifest_1.csv": [MANIFEST_COLUMNS, *rows[:99]], "media_manifest_2.csv": rows[99:]}
    )
    first = read_release("eol", one, hierarchy=taxa, release="r")
    second = read_release("eol", two, hierarchy=taxa, release="r", target_bytes=1000)
    assert len(second.plan.splits) > 10
    assert first.content() == second.content()


def test_a_missing_manifest_or_hierarchy_is_said(tmp_path: Path, read_release: Reader) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="no media manifest"):
        read_release("eol", tmp_path / "empty")
    folder = manifest(tmp_path / "m", {"media_manifest_1.csv": [row()]})
    with pytest.raises(SourceError, match="no taxon table"):
        read_release("eol", folder, hierarchy=str(tmp_path / "empty"))
    (tmp_path / "taxon.tab").write_text("taxonID\tname\n1\tx\n")
    with pytest.raises(SourceError, match="no column parentNameUsageID"):
        read_release("eol", folder, hierarchy=str(tmp_path / "taxon.tab"))
    with pytest.raises(SourceError, match="malformed"):
        read_release("eol", folder, hierarchy=str(hierarchy(tmp_path / "taxa.txt", broken=True)))


def test_real_media_keys_find_the_copies_on_other_hosts(data: Path, tmp_path: Path, read_release: Reader) -> None:
    lines = gzip.decompress((data / "eol/eol_api_media_records.jsonl.gz").read_bytes()).decode().splitlines()
    media = [json.loads(line) for line in lines]
    rows = [
        row(str(n), m["eol_page_id"], m["source_url"] or "", m["full_size_url"], m["license"], m["rights_holder"] or "")
        for n, m in enumerate(media)
    ]
    read = read_release("eol", manifest(tmp_path / "m", {"media_manifest_1.csv": [MANIFEST_COLUMNS, *rows]}))
    spaces = [r["media_key"].split(":")[0] for r in read.records]
    assert spaces.count("inat") == 645
    assert spaces.count("commons") == 3246
    assert spaces.count("flickr") == 435
    assert spaces.count("eol") == 4496 - 645 - 3246 - 435
    assert all(r["license_family"] for r in read.records)
