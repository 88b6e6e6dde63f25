"""The statement about a finished run: each sentence holds where the run is clean, and fails for its own reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from dedup import HASH_SPEC, find_leaks
from manifests import LikenessRules
from pipeline.likeness import certificate as product
from pipeline.likeness.certificate import Statement, certify
from pipeline.model.errors import RunError
from tests.pipeline.likeness.finished_run import RULES, Run, image, item, unhashed


def broken(said: list[Statement]) -> list[str]:
    return [each.sentence for each in said if not each.holds]


def sentence(said: list[Statement], words: str) -> Statement:
    (found,) = [each for each in said if words in each.sentence]
    return found


def test_a_clean_run_is_told_clean_with_what_was_compared(tmp_path: Path) -> None:
    said = Run(tmp_path).said()
    assert [each.holds for each in said] == [True] * len(said)
    assert [each.benchmark for each in said] == ["", "b", "b", "b", "b", "b"]
    unknown, leaks, canaries, audit, covered, content = (each.sentence for each in said)
    assert unknown.startswith("0 of 4 kept images have a hash that says too little") and "'drop'" in unknown
    assert "no kept image of 4 lies within Hamming distance 30 of any of 3 held-out images, mirrored" in leaks
    assert "such as" not in leaks and "sample" not in leaks
    assert "found 100 of 100 planted canaries, 3 of 3 changed copies of its images" in canaries
    # Four images, a hundred canaries and three copies, against the one hash that the list gives of each item.
    assert "brute force over 107 x 3 hashes finds the same images within 30" in audit
    assert "0 held-out items have no usable hash, and" in covered
    assert "no kept image of 4 has the bytes or pixels of any of 3 held-out items" in content


@pytest.mark.parametrize(("flips", "leaks"), [(30, True), (31, False)])
def test_an_image_that_lies_too_near_is_counted_and_named(tmp_path: Path, flips: int, leaks: bool) -> None:
    run = Run(tmp_path)
    run.media.insert(0, image(2, "leaking", flips=flips))
    said = run.said()
    found = sentence(said, "lies within Hamming")
    assert found.holds is not leaks
    assert f"the smallest distance found is {flips}" in found.sentence
    assert ("1 kept image of 5 lies" in found.sentence and "such as leaking" in found.sentence) is leaks
    assert broken(said) == ([found.sentence] if leaks else [])


def test_only_what_the_shards_hold_counts(tmp_path: Path) -> None:
    run = Run(tmp_path, lost=("leaking",))
    run.media.append(image(2, "leaking"))
    run.media.append(image(104, quality=3, name="flat"))
    run.lost = ("leaking", "flat")
    said = run.said()
    assert broken(said) == []
    assert "0 of 4 kept images" in said[0].sentence


@pytest.mark.parametrize(("policy", "holds"), [("drop", False), ("keep", True)])
def test_images_that_no_hash_clears_break_the_promise_unless_they_are_kept(
    tmp_path: Path, policy: str, holds: bool
) -> None:
    run = Run(tmp_path, replace(RULES, leak_unknown=policy))
    run.media.insert(1, image(104, quality=49))
    said = run.said()
    assert (said[0].benchmark, said[0].holds) == ("", holds)
    assert said[0].sentence.startswith("1 of 5 kept images") and f"'{policy}'" in said[0].sentence
    assert all(each.holds for each in said[1:])
    # Its hash clears nothing, so it is no part of what is searched.
    assert "no kept image of 4 lies" in sentence(said, "lies within Hamming").sentence


def test_the_named_image_is_the_one_that_leaks_also_behind_others_whose_hash_says_little(tmp_path: Path) -> None:
    run = Run(tmp_path, replace(RULES, leak_unknown="keep"))
    run.media = [image(104, "a flat one", quality=3), *run.media, image(1, "z leaking", flips=7)]
    found = sentence(run.said(), "lies within Hamming")
    assert not found.holds and "such as z leaking" in found.sentence


def test_items_whose_own_hash_says_little_are_searched_apart_unless_what_is_near_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.held[2]["quality"] = 20
    run.media.append(image(2, "near the doubtful", flips=4))
    said = run.said()
    clear, doubtful = (each for each in said if "lies within Hamming" in each.sentence)
    assert clear.holds and "of any of 2 held-out images, mirrored" in clear.sentence
    assert not doubtful.holds and "of any of 1 held-out images whose own hash says little" in doubtful.sentence
    apart = [each.sentence for each in said if "planted canaries" in each.sentence]
    assert ["changed copies" in each for each in apart] == [True, False]
    assert "1 held-out items have no usable hash, such as 2.jpg" in sentence(said, "usable hash").sentence
    run.rules = replace(RULES, leak_unknown="keep")
    assert broken(run.said()) == []


def test_every_hash_that_the_recipe_compares_has_sentences_of_its_own(tmp_path: Path) -> None:
    run = Run(tmp_path, LikenessRules(leak_phash_distance=6))
    run.media.append(image(2, "near in pHash", flips=91, phash_flips=6))
    said = run.said()
    (told,) = broken(said)
    assert told.startswith("b, phash-64: 1 kept image of 5 lies within Hamming distance 6")
    assert "the smallest distance found is 6" in told
    assert [each.sentence.partition(":")[0] for each in said if "planted canaries" in each.sentence] == [
        f"b, {HASH_SPEC}",
        "b, phash-64",
        "b, pHash and PDQ together",
    ]
    run.media[-1] = image(2, "near in both", flips=90, phash_flips=7)
    (told,) = broken(run.said())
    assert told.startswith("b, pHash and PDQ together: 1 kept image of 5") and "such as near in both" in told


def test_an_item_is_covered_by_any_hash_that_the_recipe_compares(tmp_path: Path) -> None:
    run = Run(tmp_path, held=unhashed())
    run.held[2]["pdq"] = item(2)["pdq"]
    assert "2 held-out items have no usable hash, such as 0.jpg" in sentence(run.said(), "usable hash").sentence
    run.rules = replace(RULES, leak_phash_distance=3)
    run.held[0]["phash"] = None
    assert "1 held-out items have no usable hash, such as 0.jpg" in sentence(run.said(), "usable hash").sentence


def test_equal_bytes_or_pixels_break_the_promise(tmp_path: Path) -> None:
    run = Run(tmp_path, held=unhashed())
    run.held[1]["sha256"], run.held[1]["pixel_sha256"] = run.media[3]["sha256"], run.media[0]["pixel_sha256"]
    run.held[0]["sha256"] = run.held[2]["pixel_sha256"] = None
    (told,) = broken(run.said())
    assert "2 kept image of 4 has the bytes or pixels of any of 3 held-out items" in told


def test_an_image_of_the_same_bytes_and_pixels_is_counted_once(tmp_path: Path) -> None:
    run = Run(tmp_path, held=unhashed())
    run.held[1] |= {name: run.media[3][name] for name in ("sha256", "pixel_sha256")}
    (told,) = broken(run.said())
    assert "1 kept image of 4 has the bytes or pixels of any of 3 held-out items" in told


@pytest.mark.parametrize("place", ["held", "ids"])
def test_a_kept_record_with_a_held_out_key_breaks_the_promise(tmp_path: Path, place: str) -> None:
    run = Run(tmp_path, held=unhashed())
    rows: list[dict[str, Any]] = getattr(run, place)
    rows.append({"benchmark": "b", "item": "x", "media_key": "k:1", "record_key": "s:1", "occurrence_key": "o:1"})
    rows.append({"benchmark": "b", "item": "y", "media_key": "k:2", "record_key": "s:2", "occurrence_key": "o:2"})
    rows.append({"benchmark": "somebody's", "item": "z", "media_key": "k:9", "record_key": "s:9"})
    assert broken(run.said()) == [
        f"b: 1 kept image has one of 2 held-out {title}s" for title in ("media key", "record", "occurrence")
    ]


def test_an_occurrence_may_be_held_out_with_its_source(tmp_path: Path) -> None:
    run = Run(tmp_path, held=[], ids=[{"benchmark": "b", "occurrence_key": key} for key in ("s:o:1", "t:o:1")])
    assert broken(run.said()) == ["b: 1 kept image has one of 2 held-out occurrences"]


def test_a_key_counts_once_and_only_for_its_own_kind_and_benchmark(tmp_path: Path) -> None:
    run = Run(tmp_path, held=unhashed())
    run.ids = [
        {"benchmark": "b", "media_key": "o:1"},
        {"benchmark": "b", "media_key": "s:k:1"},
        {"benchmark": "b", "record_key": "s:9"},
        {"benchmark": "b", "occurrence_key": ""},
        {"benchmark": "c", "media_key": "k:1"},
    ]
    run.held[0]["media_key"] = "o:1"
    said = run.said()
    assert broken(said) == []
    assert [each.sentence for each in said if "held-out media keys" in each.sentence or "records" in each.sentence] == [
        "b: no kept image has one of 2 held-out media keys",
        "b: no kept image has one of 1 held-out records",
    ]
    assert not any("occurrences" in each.sentence for each in said)


def test_a_kept_image_of_a_held_out_species_breaks_the_promise(tmp_path: Path) -> None:
    run = Run(
        tmp_path,
        held=[],
        taxa=[("b", "of none"), ("b", "of nobody"), ("b", None), ("c", "species of image 100")],
    )
    said = run.said()
    assert broken(said) == []
    told = sentence(said, "accepted species").sentence
    assert "no kept image is of one of the accepted species of 2 held-out taxa; 1 taxa are above" in told
    run.taxa = [("b", "species of image 100")]
    (told,) = broken(run.said())
    assert "1 kept image is of one of the accepted species of 1 held-out taxa; 0 taxa" in told


def test_taxa_that_hold_nothing_out_are_told_all_the_same(tmp_path: Path) -> None:
    said = Run(tmp_path, held=[], taxa=[("b", None)]).said()
    assert "of 0 held-out taxa; 1 taxa are above the species" in sentence(said, "accepted species").sentence


def test_each_benchmark_is_asked_for_its_own_items(tmp_path: Path) -> None:
    run = Run(tmp_path, benchmarks=("b", "c"))
    run.held.append(item(9, benchmark="c"))
    run.media.append(image(9, "leaking", flips=2))
    said = run.said()
    (told,) = [each for each in said if not each.holds]
    assert told.benchmark == "c" and "of any of 1 held-out images" in told.sentence
    assert "of any of 3 held-out images" in sentence(said, f"b, {HASH_SPEC}: no kept").sentence


def test_a_benchmark_of_keys_alone_has_no_sentence_about_images(tmp_path: Path) -> None:
    said = Run(tmp_path, held=[], ids=[{"benchmark": "b", "media_key": "k:2"}]).said()
    assert [each.sentence for each in said[1:]] == ["b: no kept image has one of 1 held-out media keys"]


def test_a_run_that_kept_nothing_leaks_nothing_and_its_canaries_are_found(tmp_path: Path) -> None:
    said = Run(tmp_path, media=[], samples=[("s", "1", "k:1", "o:1")]).said()
    assert broken(said) == []
    assert "the smallest distance found is none, nothing is kept" in sentence(said, "lies within Hamming").sentence


def test_without_a_benchmark_nothing_is_promised(tmp_path: Path) -> None:
    (only,) = Run(tmp_path, benchmarks=()).said()
    assert (only.benchmark, only.holds) == ("", True) and "no benchmark is held out" in only.sentence


def test_a_run_that_is_not_finished_has_no_certificate(tmp_path: Path) -> None:
    Run(tmp_path).lay()
    (tmp_path / "catalog" / "_done.json").unlink()
    with pytest.raises(RunError, match="'catalog' is not done"):
        next(certify(tmp_path))


def test_the_catalog_of_the_run_is_opened_where_none_is_handed_in(tmp_path: Path) -> None:
    run = Run(tmp_path, held=unhashed(), ids=[{"benchmark": "b", "media_key": "k:1"}])
    said = run.said()
    with duckdb.connect(str(tmp_path / "catalog.duckdb")) as con:
        run.fill(con)
    assert list(certify(tmp_path)) == said
    assert len(broken(said)) == 1


def forgetting(*rows: int) -> Callable[..., Any]:
    """The search for leaks as it is, but that it never finds these rows."""

    def search(*given: Any) -> Any:
        found = find_leaks(*given)
        keep = ~np.isin(found.train, rows)
        return replace(found, **{each.name: getattr(found, each.name)[keep] for each in fields(found)})

    return search


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [
        ((4, 103), "found 98 of 100 planted canaries, 3 of 3 changed copies"),
        ((104, 106), "found 100 of 100 planted canaries, 1 of 3 changed copies"),
    ],
    ids=["canaries", "changed copies"],
)
def test_a_search_that_misses_what_was_planted_is_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: tuple[int, ...], told: str
) -> None:
    monkeypatch.setattr(product, "find_leaks", forgetting(*forgotten))
    canaries, audit = broken(Run(tmp_path).said())
    assert told in canaries
    assert "finds other images within 30 (103, canaries included)" in audit


def test_a_search_that_misses_a_leak_is_contradicted_by_brute_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path)
    run.media.insert(0, image(2, "a leak", flips=4))
    monkeypatch.setattr(product, "find_leaks", forgetting(0))
    said = run.said()
    (audit,) = broken(said)
    assert "finds other images within 30 (104, canaries included)" in audit
    assert "the smallest distance found is 4" in sentence(said, "lies within Hamming").sentence


def test_a_short_audit_says_of_how_many_it_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "AUDIT_PAIRS", 315)
    said = Run(tmp_path).said()
    assert broken(said) == []
    assert "in a sample of 2" in sentence(said, "lies within Hamming").sentence
    assert "brute force over 105 x 3 hashes finds the same" in sentence(said, "brute force").sentence
    monkeypatch.setattr(product, "AUDIT_PAIRS", 206)
    said = Run(tmp_path).said()
    assert broken(said) == []
    assert "brute force over 103 x 2 hashes finds the same" in sentence(said, "brute force").sentence
