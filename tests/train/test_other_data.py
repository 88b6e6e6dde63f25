"""A checkpoint and data that do not fit: other taxa, another architecture, damaged names of weights; each is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.embed.compute import embed
from pipeline.embed.encoders import open_source
from pipeline.model.errors import FeedError
from pipeline.storage.places import place
from pipeline.train.class_labels import check_labels, difference
from pipeline.train.fitting import load_model
from tests.train.drawn import write_dataset
from tests.train.running import trained

SMALL: dict[str, Any] = {"objective": "classify", "batch": 16, "steps": 4, "warmup": 1}


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_a_difference_names_what_one_list_alone_has(classes: list[str], taxa: list[str]) -> None:
    said = difference(classes, taxa)
    assert (said == "") == (classes == taxa)
    gone, new = [each for each in classes if each not in taxa], [each for each in taxa if each not in classes]
    for found, words in ((gone, "of the data ("), (new, "no class (")):
        assert (words in said) == bool(found)
        if found:
            assert f"{words}{', '.join(found[:3])}" in said
            assert f"{len(found)} " in said
    if said:
        with pytest.raises(FeedError, match="not the taxa of the data"):
            check_labels(classes, taxa, "x.pt")


@pytest.mark.parametrize("head", ["linear", "hierarchical"])
def test_a_classifier_does_not_go_on_with_other_taxa(tmp_path: Path, head: str) -> None:
    few, all_taxa = write_dataset(tmp_path / "few", taxa=9), write_dataset(tmp_path / "all")
    trained(few, tmp_path / "out", until=2, head=head, **SMALL)
    with pytest.raises(FeedError) as caught:
        trained(all_taxa, tmp_path / "out", head=head, **SMALL)
    assert "3 taxa of the data are no class (t09, t10, t11)" in caught.value.what
    assert "step-00000002.pt" in caught.value.where and caught.value.expected == "the 9 taxa that it was trained on"
    trained(all_taxa, tmp_path / "other", until=2, head=head, **SMALL)
    with pytest.raises(FeedError, match=r"3 classes are no taxa of the data \(t09, t10, t11\)"):
        trained(few, tmp_path / "other", head=head, **SMALL)


@pytest.mark.parametrize("head", ["linear", "hierarchical"])
def test_a_classifier_embeds_pictures_of_other_taxa_and_says_so(drawn: Path, tmp_path: Path, head: str) -> None:
    few = write_dataset(tmp_path / "few", taxa=9)
    trained(few, tmp_path / "out", head=head, **SMALL)
    source = open_source(str(tmp_path / "out"))
    said = list(embed(str(drawn), tmp_path / "vectors", source, "val"))
    assert any(
        "3 taxa of the data are no class (t09, t10, t11); vectors are of its image tower" in line for line in said
    )
    assert any("has learnt no names" in line for line in said)
    assert not list((tmp_path / "vectors").glob("names-*"))
    said = list(embed(str(few), tmp_path / "own", source))
    assert not any("not the taxa here" in line for line in said)
    assert load_model(place(tmp_path / "out")).labels == tuple(f"t{number:02d}" for number in range(9))


@pytest.mark.parametrize("change", ["shape", "missing", "unknown"])
def test_weights_of_another_architecture_are_refused(drawn: Path, tmp_path: Path, change: str) -> None:
    trained(drawn, tmp_path, **{**SMALL, "objective": "contrast"})
    path = tmp_path / "checkpoints" / "step-00000004.pt"
    state = torch.load(path, weights_only=True)
    weights = state["state_dict"]
    if change == "shape":
        weights["image_out.1.weight"] = torch.zeros(64, 96)
    elif change == "missing":
        del weights["words.weight"]
    else:
        weights["visual.proj"] = torch.zeros(3)
    torch.save(state, path)
    for use in (load_model, lambda where: open_source(str(where))):
        with pytest.raises(FeedError, match="the weights do not fit") as caught:
            use(place(tmp_path))
        assert "weights of tiny" in caught.value.expected and "step-00000004.pt" in caught.value.where
    with pytest.raises(FeedError, match="the weights do not fit"):
        trained(drawn, tmp_path, **{**SMALL, "objective": "contrast"})
