"""A whole run under other policies of likeness, and a certificate that fails when a promise is broken."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dedup import hash_image
from manifests import BenchmarkSpec, Recipe
from pipeline.catalog import open_catalog
from pipeline.likeness.certificate import certify
from pipeline.likeness.run_evidence import run_sheets
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.conftest import Demo


def rows(out: Path, query: str) -> list[tuple[Any, ...]]:
    with open_catalog(out) as con:
        return con.execute(query).fetchall()


@pytest.fixture
def copy(demo: Demo, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo.out, tmp_path / "copy"))


def with_rules(recipe: Recipe, **rules: object) -> Recipe:
    return replace(recipe, likeness=replace(recipe.likeness, **rules))  # type: ignore[arg-type]


def test_a_certificate_holds_sentence_by_sentence(demo: Demo) -> None:
    said = list(certify(demo.out))
    assert [part.sentence for part in said if not part.holds] == []
    text = "\n".join(part.sentence for part in said)
    assert "no kept image of 317 lies within Hamming distance 30 of any of 23 held-out images" in text
    assert "found 100 of 100 planted canaries" in text
    assert "brute force over" in text


def test_a_certificate_fails_when_a_kept_image_leaks(copy: Path) -> None:
    held = pq.read_table(copy / "holdout" / "items").filter(pa.compute.field("pdq").is_valid()).to_pylist()[0]
    manifest = pq.read_table(copy / "shards" / "manifest.parquet")
    kept = manifest["image_id"][0].as_py()
    for path in sorted((copy / "fetch" / "media").glob("*.parquet")):
        table = pq.read_table(path)
        changed = table.to_pylist()
        for row in changed:
            if row["image_id"] == kept:
                row["pdq"] = bytes.fromhex(held["pdq"].split(" ")[3])
        path.unlink()
        pq.write_table(pa.Table.from_pylist(changed, table.schema), path)
    broken = [part.sentence for part in certify(copy) if not part.holds]
    assert len(broken) == 1
    assert "1 kept image" in broken[0]
    assert kept in broken[0]
    assert not next(check for check in verify(copy) if check.name == "leakage").ok


def test_a_certificate_fails_when_a_kept_image_is_near_in_both_hashes_at_once(copy: Path) -> None:
    items = pq.read_table(copy / "holdout" / "items").filter(pa.compute.field("pdq").is_valid()).to_pylist()
    pdq, phash = (items[0][name].split(" ")[5] for name in ("pdq", "phash"))
    kept = pq.read_table(copy / "shards" / "manifest.parquet")["image_id"][0].as_py()
    for path in sorted((copy / "fetch" / "media").glob("*.parquet")):
        table = pq.read_table(path)
        changed = table.to_pylist()
        for row in changed:
            if row["image_id"] == kept:
                row["pdq"] = (int(pdq, 16) ^ (1 << 80) - 1).to_bytes(32, "big")
                row["phash"] = f"{int(phash, 16) ^ 0xFF:016x}"
        path.unlink()
        pq.write_table(pa.Table.from_pylist(changed, table.schema), path)
    (broken,) = [part.sentence for part in certify(copy) if not part.holds]
    assert "pHash and PDQ together: 1 kept image" in broken
    assert kept in broken
    assert not next(check for check in verify(copy) if check.name == "leakage").ok


def cropped_by_a_twentieth(demo: Demo, folder: Path) -> str:
    """Lay a crop of a kept image into a folder, one that only both hashes tell together; return its record."""
    folder.mkdir()
    for key, shard, at, size in rows(
        demo.out,
        """SELECT key, shard, jpg_offset, jpg_length FROM samples
           WHERE source = 'eol' AND box_id = '' ORDER BY key""",
    ):
        data = (demo.out / "shards" / str(shard)).read_bytes()[int(str(at)) : int(str(at)) + int(str(size))]
        image = Image.open(io.BytesIO(data))
        x, y = image.width // 40, image.height // 40
        crop = image.crop((x, y, image.width - x, image.height - y))
        one, two = hash_image(image), hash_image(crop)
        apart = (int.from_bytes(one.pdq) ^ int.from_bytes(two.pdq)).bit_count()
        if (one.phash ^ two.phash).bit_count() <= 8 and 36 < apart <= 84 and two.quality >= 60:
            crop.save(folder / "crop.jpg", quality=92)
            return str(key)
    raise AssertionError("no kept image of the demo will do")


def test_images_that_no_hash_can_clear_may_be_kept_and_are_then_counted(demo: Demo, copy: Path) -> None:
    flat = rows(demo.out, "SELECT count(*) FROM ledger WHERE outcome = 'leak_unknown'")[0][0]
    assert rows(demo.out, "SELECT DISTINCT decision FROM leak_unknown") == [("drop",)]
    run(with_rules(demo.recipe, leak_unknown="keep"), copy)
    assert rows(copy, "SELECT count(*) FROM ledger WHERE outcome = 'leak_unknown'") == [(0,)]
    assert rows(copy, "SELECT decision, count(*) FROM leak_unknown GROUP BY 1") == [("keep", flat)]
    said = [part for part in certify(copy) if "leak_unknown = 'keep'" in part.sentence]
    assert [part.holds for part in said] == [True]
    assert said[0].sentence.startswith(f"{flat} of ")
    assert all(check.ok for check in verify(copy))


def test_label_conflicts_are_set_aside_or_kept_under_a_shared_taxon(demo: Demo, copy: Path) -> None:
    conflicts = rows(demo.out, "SELECT row_id FROM ledger WHERE outcome = 'label_conflict' ORDER BY 1")
    assert rows(demo.out, "SELECT record_id FROM quarantine ORDER BY 1") == conflicts
    recipe = with_rules(demo.recipe, label_conflict="ancestor")
    run(replace(recipe, taxonomy=replace(recipe.taxonomy, minimum_rank="family")), copy)
    kept = rows(copy, "SELECT accepted_rank, species, genus, family FROM samples WHERE accepted_rank = 'family'")
    assert kept
    assert {(rank, species, genus) for rank, species, genus, _ in kept} == {("family", None, None)}
    before = rows(demo.out, "SELECT count(*) FROM ledger WHERE outcome LIKE '%label_conflict'")[0][0]
    after = rows(copy, "SELECT count(*) FROM ledger WHERE outcome LIKE '%label_conflict'")[0][0]
    assert after < before
    assert all(check.ok for check in verify(copy))


def test_unseen_species_and_occurrences_and_a_webdataset_are_held_out(demo: Demo, copy: Path, tmp_path: Path) -> None:
    images = Path(demo.recipe.benchmarks[0].path)
    with tarfile.open(tmp_path / "held.tar", "w") as archive:
        for path in sorted(images.iterdir()):
            info = tarfile.TarInfo(path.name)
            info.size = path.stat().st_size
            archive.addfile(info, io.BytesIO(path.read_bytes()))
    species, source, occurrence = rows(
        demo.out, "SELECT species, source, occurrence_key FROM samples WHERE source = 'gbif' ORDER BY key LIMIT 1"
    )[0]
    synonym = "Felis concolor"
    (tmp_path / "unseen.toml").write_text(f'name = "u"\nunseen_species = true\ntaxa = ["{synonym}", "Nonsensus x"]\n')
    (tmp_path / "seen.toml").write_text(
        f'name = "s"\noccurrence_keys = ["{source}:{occurrence}"]\ntaxa = ["{species}"]\n'
    )
    listed = tuple(BenchmarkSpec(name, str(tmp_path / f"{name}.toml")) for name in ("unseen", "seen"))
    webdataset = replace(demo.recipe.benchmarks[0], path=str(tmp_path / "held.tar"))
    cropped = cropped_by_a_twentieth(demo, tmp_path / "crops")
    crops = BenchmarkSpec("crops", str(tmp_path / "crops"))
    run(replace(demo.recipe, benchmarks=(webdataset, *listed, crops)), copy)
    leaking = "SELECT row_id FROM ledger WHERE outcome IN ('leak_bytes', 'leak_hamming') ORDER BY 1"
    assert rows(copy, leaking) == sorted([*rows(demo.out, leaking), (cropped,)])
    ((rule, far, near),) = rows(copy, f"SELECT rule, distance, phash_distance FROM leaks WHERE record_id = '{cropped}'")
    assert rule == "leak_pair" and 30 < int(str(far)) <= 90 and 0 <= int(str(near)) <= 10
    proof = json.loads(str(rows(copy, f"SELECT evidence FROM ledger WHERE row_id = '{cropped}'")[0][0]))
    named = {"rule": rule, "benchmark": "crops", "item": "crop.jpg", "variant": 0}
    assert proof == named | {
        "distance": far,
        "phash_distance": near,
        "leak_pair_phash": 10,
        "leak_pair_pdq": 90,
    }
    assert rows(copy, "SELECT count(*) FROM samples WHERE species = 'Puma concolor'") == [(0,)]
    ended = Counter(row[0] for row in rows(copy, "SELECT outcome FROM ledger WHERE outcome LIKE 'leak_%'"))
    assert ended["leak_species"] > 0
    assert rows(copy, f"SELECT count(*) FROM samples WHERE occurrence_key = '{occurrence}'") == [(0,)]
    assert rows(copy, f"SELECT count(*) > 0 FROM samples WHERE species = '{species}'") == [(True,)]
    assert rows(copy, "SELECT taxon, species FROM held_taxa ORDER BY 1") == [
        (synonym, "Puma concolor"),
        ("Nonsensus x", None),
    ]
    said = {part.benchmark: part.sentence for part in certify(copy) if "accepted species" in part.sentence}
    assert "1 held-out taxa; 1 taxa are above the species or not in the taxonomy" in said["unseen"]
    assert all(check.ok for check in verify(copy))


def test_evidence_is_the_same_each_time(demo: Demo, tmp_path: Path) -> None:
    written = [[path.read_bytes() for path in run_sheets(demo.out, tmp_path / name)] for name in ("a", "b")]
    assert written[0] == written[1]
    assert len(written[0]) >= 4
