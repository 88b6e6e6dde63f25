"""Shipped recipes of whole releases, run to shards over small ones: what is held out, cut or kept together is so."""

from __future__ import annotations

import io
import tarfile
from collections import defaultdict
from pathlib import Path

import pytest
from PIL import Image

from manifests.recipe import RANKS
from pipeline.commands.cli import main
from pipeline.sources.bioscan.bioscan5m import image_path
from tests.end_to_end.small_releases import (
    HOST,
    Lineage,
    Taxa,
    gbif_release,
    named,
    ranks_of,
    run_starter,
    species_of,
    store,
    table_of,
)
from tests.end_to_end.test_starters_of_photos import asked, ended
from tests.pipeline.sources.bioscan.test_bioscan1m import insect
from tests.pipeline.sources.bioscan.test_bioscan1m import table as table_of_1m
from tests.pipeline.sources.bioscan.test_bioscan5m import specimen
from tests.pipeline.sources.bioscan.test_bioscan5m import table as table_of_5m
from tests.pipeline.sources.camera_traps import test_coco_camera_traps as coco
from tests.pipeline.sources.camera_traps import test_lila as lila
from tests.pipeline.sources.fathomnet import test_fathomnet as fathomnet

pytestmark = pytest.mark.whole
EOL_HEADER = ("EOL content ID,EOL page ID,Medium Source URL,EOL Full-Size Copy URL,License Name,Copyright Owner",)
PAGES = "taxonID\tacceptedNameUsageID\tparentNameUsageID\tscientificName\ttaxonRank\tcanonicalName\teolID"


def eol(tmp_path: Path, images: dict[int, Lineage]) -> list[str]:
    """Write a manifest and a hierarchy that names its pages; an image is drawn as its number, and lies at the host."""
    pages = {name: str(100 + at) for at, name in enumerate(dict.fromkeys(images.values()))}
    taxa = [f"e{page}\t\t\t{name[-1]}\tspecies\t{name[-1]}\t{page}" for name, page in pages.items()]
    (tmp_path / "taxon.tab").write_text("\n".join([PAGES, *taxa, ""]))
    folder = tmp_path / "media"
    folder.mkdir()
    rows = [
        f"{n},{pages[name]},https://commons.example/File:{n},{HOST}{n}.jpg,cc-by 3.0,Owner"
        for n, name in images.items()
    ]
    (folder / "media_manifest_1.csv").write_text("\n".join([*EOL_HEADER, *rows, ""]))
    store(tmp_path / "mirror", ((f"{n}.jpg", str(n)) for n in images))
    return [f"sources.eol.path={folder}", f"sources.eol.hierarchy={tmp_path / 'taxon.tab'}", mirror(tmp_path)]


def mirror(tmp_path: Path) -> str:
    return f'fetch.mirrors=["{HOST}={tmp_path / "mirror"}"]'


def hashed(tmp_path: Path, keys: list[str], **size: int) -> Path:
    """Make the hash list of a benchmark's pictures by the command that the recipe names."""
    folder = store(tmp_path / "benchmark", ((f"{key}.jpg", key) for key in keys), **size)
    assert main(["leakage", "hash", str(folder), "-o", str(tmp_path / "benchmark.parquet")]) == 0
    return tmp_path / "benchmark.parquet"


def bioscan(tmp_path: Path, rows: list[dict[str, str]]) -> list[str]:
    metadata = tmp_path / "metadata.csv"
    metadata.write_bytes(table_of_5m(rows))
    images = store(tmp_path / "crops", ((image_path(row["processid"], row["split"]), row["processid"]) for row in rows))
    return [f"sources.bioscan.path={metadata}", f"sources.bioscan.media={images}"]


def known(tmp_path: Path, taxa: Taxa) -> str:
    return f'taxonomy.sources=["{taxa.write(tmp_path / "taxa.tsv")}"]'


def cells(name: Lineage) -> dict[str, str]:
    """Return a name as BIOSCAN's columns have it."""
    return dict(zip(("phylum", "class", "order", "family", "genus", "species"), name[1:], strict=True))


def members(out: Path) -> dict[str, bytes]:
    """Return what the tars hold."""
    found: dict[str, bytes] = {}
    for shard in sorted((out / "shards").glob("*.tar")):
        with tarfile.open(shard) as tar:
            found |= {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    return found


def test_treeoflife_200m_takes_four_sources_and_nothing_that_looks_like_a_test_set(tmp_path: Path) -> None:
    mammals, insects, squids = (species_of(group, 4) for group in ("Mammalia", "Insecta", "Cephalopoda"))
    rows = [{"n": str(n), **ranks_of(mammals[n % 4])} for n in range(1, 9)]
    rows[0] |= {"basisOfRecord": "MATERIAL_CITATION"}
    rows[1] |= {"license": "unspecified"}
    frames = [
        fathomnet.image(
            n,
            *(fathomnet.box(10 * n + at, (20 + 200 * at, 40, 160, 160), concept=squids[at][-1]) for at in range(2)),
            url=f"{HOST}f{n}.png",
        )
        for n in (1, 2)
    ]
    where = [
        *eol(tmp_path, {50 + n: mammals[n] for n in range(4)}),
        *bioscan(tmp_path, [specimen(f"B-{n}", **cells(insects[n])) for n in range(4)]),
        f"sources.gbif.path={gbif_release(tmp_path / 'gbif.zip', rows)}",
        f"sources.fathomnet.path={fathomnet.write(tmp_path / 'frames.json', frames)}",
        f"benchmarks.test-sets.path={hashed(tmp_path, ['8', '51'])}",
        known(tmp_path, Taxa().add([*mammals, *insects, *squids])),
    ]
    store(tmp_path / "mirror", ((f"{n}.jpg", str(n)) for n in range(1, 9)))
    store(tmp_path / "mirror", ((f"f{n}.png", f"f{n}") for n in (1, 2)), width=640, height=480, square=20)
    out = run_starter("treeoflife-200m", tmp_path / "run", where)
    kept = dict(asked(out, "SELECT source, count(*) FROM samples GROUP BY 1"))
    assert kept == {"gbif": 5, "eol": 3, "bioscan": 4, "fathomnet": 4}
    told = dict(asked(out, "SELECT outcome, count(*) FROM ledger WHERE outcome <> 'kept' GROUP BY 1"))
    assert told == {"not_selected": 1, "licence_unknown": 1, "leak_bytes": 2}
    captions = {"sci.txt", "com.txt", "taxon.txt", "sci_com.txt", "taxon_com.txt"}
    assert {name.partition(".")[2] for name in members(out)} == {"jpg", "txt", "json", *captions}
    assert asked(out, "SELECT DISTINCT license_family FROM samples WHERE source = 'fathomnet'") == [("CC-BY-NC-ND",)]
    assert main(["export", str(out), "-o", str(tmp_path / "export")]) == 0
    assert not {row[0] for row in asked(out, "SELECT key FROM samples WHERE source = 'fathomnet'")} & {
        name.partition(".")[0] for name in members_of(tmp_path / "export")
    }


def members_of(folder: Path) -> list[str]:
    """Return the names in all tars of a folder."""
    names = []
    for shard in sorted(folder.rglob("*.tar")):
        with tarfile.open(shard) as tar:
            names += tar.getnames()
    return names


def rare_table(tmp_path: Path, names: list[str]) -> Path:
    """Write the catalog of Rare Species: genus and epithet apart."""
    rows = [
        {"rarespecies_id": str(at), "genus": name.split()[0], "species": name.split()[1], "sciName": name}
        for at, name in enumerate(names)
    ]
    return table_of(tmp_path / "rarespecies-catalog.csv", rows)


def test_rare_species_leaves_no_accepted_species_of_the_list_and_none_of_its_pictures(tmp_path: Path) -> None:
    species = species_of("Mammalia", 8)
    subspecies = (*species[1], f"{species[1][-1]} parva")
    images = {100 * at + n: taxon for at, taxon in enumerate(species, 1) for n in range(3)}
    images |= {900 + n: subspecies for n in range(2)}
    taxa = Taxa().add([*species, subspecies]).synonym("Vetus rarissima", species[2])
    where = [
        *eol(tmp_path, images),
        known(tmp_path, taxa),
        f"benchmarks.rare-species.table={rare_table(tmp_path, [species[0][-1], species[1][-1], 'Vetus rarissima'])}",
        f"benchmarks.rare-species-images.path={hashed(tmp_path, ['501', '702'])}",
    ]
    out = run_starter("rare-species", tmp_path / "run", where)
    kept = {row[0] for row in asked(out, "SELECT DISTINCT species FROM samples")}
    assert kept == {taxon[-1] for taxon in species[3:]}
    outcomes = ended(out)
    assert {n for n, outcome in outcomes.items() if outcome == "leak_species"} == {
        str(n) for n in images if n < 400 or n >= 900
    }
    assert {n for n, outcome in outcomes.items() if outcome == "leak_bytes"} == {"501", "702"}


def test_treeoflife_10m_writes_its_ten_texts_without_the_rare_species(tmp_path: Path) -> None:
    mammals, insects = species_of("Mammalia", 4), species_of("Insecta", 3)
    eols = {100 * at + n: taxon for at, taxon in enumerate(mammals, 1) for n in range(3)}
    categories = [
        {"id": at, "name": taxon[-1], "specific_epithet": taxon[-1].split()[1], **ranks_of(taxon)}
        for at, taxon in enumerate(mammals, 1)
    ]
    photos = [
        {"id": n, "file_name": f"train/{n}.jpg", "width": 64, "height": 64, "license": 0, "rights_holder": "A"}
        for n in range(1, 9)
    ]
    labels = [{"id": n, "image_id": n, "category_id": 1 + n % 4} for n in range(1, 9)]
    licences = [{"id": 0, "name": "CC BY-NC 4.0"}]
    coco.write(tmp_path / "train.json", photos, labels, categories=categories, licenses=licences)
    (tmp_path / "metadata.tsv").write_bytes(
        table_of_1m([insect(f"C-{n}", **cells(taxon)) for n, taxon in enumerate(insects)])
    )
    where = [
        *eol(tmp_path, eols),
        f"sources.inat21.path={tmp_path / 'train.json'}",
        f"sources.inat21.media={store(tmp_path / 'inat21', ((f'train/{n}.jpg', f'inat {n}') for n in range(1, 9)))}",
        f"sources.bioscan.path={tmp_path / 'metadata.tsv'}",
        f"sources.bioscan.media={store(tmp_path / 'insects', ((f'part7/C-{n}.jpg', f'C-{n}') for n in range(3)))}",
        f"benchmarks.rare-species.table={rare_table(tmp_path, [mammals[0][-1]])}",
        f"benchmarks.rare-species-images.path={hashed(tmp_path, ['inat 1', '301'])}",
        known(tmp_path, Taxa().add([*mammals, *insects])),
        "select.validation_percent=25",
    ]
    out = run_starter("treeoflife-10m", tmp_path / "run", where)
    kept = asked(out, "SELECT source, count(*), list(DISTINCT species) FROM samples GROUP BY 1 ORDER BY 1")
    assert [(source, count) for source, count, _ in kept] == [("bioscan", 3), ("eol", 8), ("inat21", 5)]
    assert mammals[0][-1] not in {name for _, _, names in kept for name in names}
    texts = {ending for name in members(out) if (ending := name.partition(".")[2]).endswith(".txt")}
    assert len(texts) == 10 and {"taxonTag.txt", "sci_com.txt", "common_name.txt"} <= texts
    assert {row[0] for row in asked(out, "SELECT DISTINCT split FROM samples")} == {"train", "val"}


def test_camera_traps_share_no_place_and_no_burst_between_splits(tmp_path: Path) -> None:
    animals = [*species_of("Mammalia", 4), *species_of("Aves", 2)]
    rows = []
    for n in range(96):
        taxon = animals[(n * n) % 6]
        ranks = {rank: name.lower() for rank, name in zip(RANKS, taxon, strict=True)}
        rows.append(
            lila.image(
                n,
                url_gcp=f"{HOST}{n}.jpg",
                scientific_name=taxon[-1].lower(),
                location_id=f"ENA24 : c{n % 12}" if n < 84 else "ENA24 : unknown",
                sequence_id=f"ENA24 : s{n // 24}-{n % 12}",
                original_label=taxon[-1],
                **ranks,
            )
        )
    rows += [lila.image(200, url_gcp=f"{HOST}200.jpg", original_label="empty", scientific_name="")]
    rows += [lila.image(201, url_gcp=f"{HOST}201.jpg", original_label="human", scientific_name="homo sapiens")]
    store(tmp_path / "mirror", ((f"{n}.jpg", str(n)) for n in range(96)))
    where = [
        f"sources.lila.path={lila.write(tmp_path / 'lila.csv', rows)}",
        f"benchmarks.idle-oo.path={hashed(tmp_path, ['13', '40'])}",
        known(tmp_path, Taxa().add(animals)),
        mirror(tmp_path),
    ]
    out = run_starter("camera-traps", tmp_path / "run", where)
    kept = asked(
        out,
        "SELECT split, location_key, sequence_key, species FROM samples",
    )
    assert {row[0] for row in kept} == {"train", "val", "test"} and len(kept) >= 80
    for column in (1, 2):
        splits = defaultdict(set)
        for row in kept:
            if row[column]:
                splits[row[column]].add(row[0])
        assert len(splits) > 10 and all(len(found) == 1 for found in splits.values())
    by_split = {name: {row[3] for row in kept if row[0] == name} for name in ("train", "val", "test")}
    assert by_split["train"] >= by_split["val"] | by_split["test"]
    outcomes = ended(out)
    assert {n for n, outcome in outcomes.items() if outcome.startswith("leak")} >= {"ENA24 : 13", "ENA24 : 40"}
    assert dict(asked(out, "SELECT outcome, count(*) FROM ledger WHERE stage = 'ingest' GROUP BY 1")) == {
        "blank": 1,
        "human": 1,
    }


FACES = 12
PROTOCOLS = {
    "closed": [],
    "open": ["splits[1].unseen=individual_key", "splits[1].unseen_percent=10"],
    "disjoint": ["splits[1].unseen=individual_key"],
}


def test_macaque_faces_follow_the_three_protocols(tmp_path: Path) -> None:
    images = [
        coco.image(n, file_name=f"{n}.jpg", width=64, height=64, seq_id=None, location=None) for n in range(10 * FACES)
    ]
    labels = [coco.label(n, n, individual_id=f"monkey {n % 10}") for n in range(10 * FACES)]
    categories = [{"id": 1, "name": "macaca mulatta"}]
    path = coco.write(tmp_path / "faces.json", images, labels, categories=categories)
    where = [
        f"sources.macaques.path={path}",
        f"sources.macaques.media={store(tmp_path / 'faces', ((f'{n}.jpg', f'face {n}') for n in range(10 * FACES)))}",
        known(tmp_path, Taxa().add([named("Macaca mulatta", "Mammalia")])),
    ]
    for protocol, more in PROTOCOLS.items():
        out = run_starter("macaque-faces", tmp_path / "run", [*where, *more])
        who = defaultdict(set)
        for split, individual in asked(out, "SELECT split, individual_key FROM samples"):
            who[split].add(individual)
        shares = dict(asked(out, "SELECT split, count(*) FROM samples GROUP BY 1"))
        assert sum(shares.values()) == 120 and abs(shares["test"] - 24) <= 2, (protocol, shares)
        shared, alone = who["train"] & who["test"], who["test"] - who["train"]
        assert (len(shared), len(alone)) == {"closed": (10, 0), "open": (9, 1), "disjoint": (0, 2)}[protocol]


def test_bioscan_keeps_its_own_splits_row_by_row(tmp_path: Path) -> None:
    insects, spiders = species_of("Insecta", 6), species_of("Arachnida", 1)
    hints = {"train": 4, "pretrain": 3, "val": 2, "test": 2, "key_unseen": 2, "val_unseen": 1, "test_unseen": 1}
    rows = [
        specimen(f"{split}-{n}", split, **cells(insects[n if "unseen" not in split else 5]))
        for split, count in {**hints, "other_heldout": 2}.items()
        for n in range(count)
    ]
    rows.append(specimen("spider-1", "train", **cells(spiders[0])))
    where = [*bioscan(tmp_path, rows), known(tmp_path, Taxa().add([*insects, *spiders]))]
    out = run_starter("bioscan-insects", tmp_path / "run", where)
    found = asked(
        out, "SELECT r.split_hint, s.split, count(*) FROM samples s JOIN records r USING (record_id) GROUP BY ALL"
    )
    ours = {"pretrain": "train", **dict.fromkeys(("key_unseen", "val_unseen", "test_unseen"), "unseen")}
    assert sorted(found) == sorted((hint, ours.get(hint, hint), count) for hint, count in hints.items())
    assert dict(asked(out, "SELECT outcome, count(*) FROM ledger GROUP BY 1")) == {"kept": 15, "not_selected": 3}


def test_deep_sea_cuts_out_every_box_and_keeps_frames_whole(tmp_path: Path) -> None:
    squids = species_of("Cephalopoda", 3)
    places = ((20, 40, 160, 120), (220, 40, 200, 160), (30, 300, 20, 20))
    frames = []
    for n in range(1, 25):
        boxes = [
            fathomnet.box(10 * n + at, place, concept=squids[(n + at) % 3][-1], rejected=n == 3 and at == 0)
            for at, place in enumerate(places)
        ]
        boxes.append(fathomnet.box(10 * n + 9, (300, 300, 100, 100), concept="55-gallon drum"))
        frames.append(fathomnet.image(n, *boxes, url=f"{HOST}{n}.png", latitude=30.0 + n, longitude=-120.0))
    store(tmp_path / "mirror", ((f"{n}.png", f"frame {n}") for n in range(1, 25)), width=640, height=480, square=20)
    where = [
        f"sources.fathomnet.path={fathomnet.write(tmp_path / 'frames.json', frames)}",
        known(tmp_path, Taxa().add(squids)),
        mirror(tmp_path),
    ]
    out = run_starter("deep-sea", tmp_path / "run", where)
    kept = asked(
        out,
        "SELECT s.key, s.split, r.source_media_id, r.box_w, r.box_h FROM samples s JOIN records r USING (record_id)",
    )
    assert len(kept) == 47
    assert {row[1] for row in kept} == {"train", "val", "test"}
    frame_splits = defaultdict(set)
    for _, split, frame, _, _ in kept:
        frame_splits[frame].add(split)
    assert len(frame_splits) == 24 and all(len(splits) == 1 for splits in frame_splits.values())
    held = members(out)
    for key, _, _, width, height in kept:
        assert Image.open(io.BytesIO(held[f"{key}.jpg"])).size == (width, height)
    outcomes = dict(asked(out, "SELECT outcome, count(*) FROM ledger GROUP BY 1"))
    assert outcomes == {"kept": 47, "rejected_label": 1, "not_selected": 24, "non_organism": 24}
