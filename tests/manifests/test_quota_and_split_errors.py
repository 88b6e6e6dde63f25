"""Quotas and splits that cannot be meant: each is told with its line, what was expected and what may be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import RecipeError, load_recipe

GOOD = 'name = "a"\n[[sources]]\nname = "b"\nkind = "eol"\npath = "c"\n'
TWO = '[[splits]]\nname = "train"\npercent = 80\n[[splits]]\nname = "val"\npercent = 20\n'


def told(folder: Path, text: str) -> str:
    file = folder / "a.toml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("min_per_taxon = 9\ncap_per_taxon = 8", "'select.min_per_taxon' is 9, above 'select.cap_per_taxon' of 8"),
        ("min_per_taxon = 9\ntarget = 8", "'select.min_per_taxon' is 9, above 'select.target' of 8"),
        ('rare = "keep"', "'select.rare' says nothing without 'select.min_per_taxon'"),
        ("power = 0.5", "'select.power' says nothing without 'select.target'"),
        ('most_taxa_per = "class"', "'select.most_taxa_per' says nothing without 'select.most_taxa'"),
        ("thin_kilometres = 5", "'select.thin_kilometres' says nothing without 'select.thin_to'"),
        ("thin_to = 5", "'select.thin_to' does not say what it counts in"),
        ("thin_to = 1\nthin_kilometres = 5\nthin_degrees = 1", "both give the side of a cell"),
        ('balance = ["sxe"]\ncap_per_taxon = 1', "write 'sex'"),
        ('balance = ["sex"]', "'select.balance' decides nothing where no number of images is wanted"),
        (
            'balance = ["sex"]\ndiverse = ["sex"]\ntarget = 9',
            "picks the images of a taxon, and so does 'select.balance'",
        ),
        ('diverse = ["hash", "sex"]\ncap_per_taxon = 1', "names 'hash' beside columns"),
        ("diverse = []\ncap_per_taxon = 1", "'select.diverse' is an empty list"),
        ('prefer = ["pixels", "pixels"]\ncap_per_taxon = 1', "twice"),
        ('prefer = ["licens"]\ncap_per_taxon = 1', "write 'licence'"),
        ('quota_rank = "tribe"', "one of accepted, species, genus"),
        ('quota_columns = ["lifestage"]\ncap_per_taxon = 1', "write 'life_stage'"),
        ('quota_columns = ["sex"]', "says what is counted, and no number of images is asked for"),
        ('quota_columns = ["sex", "sex"]\ncap_per_taxon = 1', "twice"),
        ('most_taxa = 3\nmost_taxa_per = "taxa"', "'select.most_taxa_per' is 'taxa', and 'select.taxa' lists none"),
        ('most_taxa = 3\nmost_taxa_per = "clas"', "genus, family, order, class, phylum, kingdom, taxa"),
        ("power = 1.5\ntarget = 9", "a number from 0 to 1"),
        ("target = 0", "a number from 1 to"),
        ("min_per_taxon = true", "an integer"),
    ],
)
def test_quotas_that_contradict_each_other_or_say_nothing(tmp_path: Path, lines: str, problem: str) -> None:
    said = told(tmp_path, f"{GOOD}[select]\n{lines}\n")
    assert problem in said and "line " in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TWO.replace("80", "81"), "the percent of all splits are 101 together"),
        (TWO.replace("80", "-1"), "a number from 0 to 100 percent"),
        (TWO.replace("80", "0").replace("20", "100"), "is 0: the first split, which takes what no other does"),
        (TWO + '[[splits]]\nname = "test"\n', "'splits[2].percent' is 0: it has neither share nor list"),
        (
            TWO + '[[splits]]\nname = "test"\nhints = ["x"]\nmin_per_taxon = 2\n',
            "says nothing of a split without a share",
        ),
        (TWO + '[[splits]]\nname = "test"\nhints = ["x"]\nunseen_percent = 5\nunseen = "genus"\n', "its percent of 0"),
        (TWO + "min_per_taxon = 9\ncap_per_taxon = 8\n", "is 9, above its cap_per_taxon"),
        (TWO + "cap_per_taxon = 0\n", "a number from 1 to"),
        (TWO.replace("val", "train"), "which is also the name of splits[0]"),
        (TWO.replace("train", "early"), "'train' for the first split, which is the one to train on"),
        (TWO.replace("val", "Val-1"), "beginning with a letter"),
        (TWO + 'unseen = "speceis"\n', "write 'species'"),
        (TWO.replace("80", '80\nunseen = "species"'), "the first split is the one to train on"),
        (TWO + "unseen_percent = 5\n", "says nothing without 'unseen'"),
        (TWO + 'unseen = "genus"\nunseen_percent = 25\n', "above its percent of 20"),
        (TWO.replace("80", '80\nhints = ["x"]') + 'hints = ["X "]\n', "each word in one split"),
        (TWO + "min_per_taxon = 3\n[select]\ncap_per_taxon = 2\n", "above 'select.cap_per_taxon' of 2"),
        (TWO + '[splitting]\nstratify = "none"\n[[splits]]\nname = "t"\npercent = 1\n', "the percent of all splits"),
        (TWO + 'min_per_taxon = 2\n[splitting]\nstratify = "none"\n', "cannot be kept where splits are not stratified"),
        (TWO + "[select]\nvalidation_percent = 10\n", "makes the two plain splits, and [[splits]] make others"),
        (TWO + '[splitting]\ntogether = ["location"]\n', "write 'location_key'"),
        (TWO + '[splitting]\nstratify = "familly"\n', "write 'family'"),
        (TWO + "[splitting]\nbuffer_kilometres = 5\n", "says nothing without 'splitting.cell_kilometres'"),
        (TWO + "[splitting]\ncell_kilometres = inf\n", "above 0"),
        ("[splitting]\nchronological = true\n", "there are no [[splits]]"),
        ("[splits]\nname = 'x'\n", "begin it with [[splits]]"),
    ],
)
def test_splits_that_contradict_each_other_or_say_nothing(tmp_path: Path, text: str, problem: str) -> None:
    said = told(tmp_path, GOOD + text)
    assert problem in said


def test_a_split_of_a_list_alone_needs_no_percent_and_columns_may_be_capped_in_a_split_alone(tmp_path: Path) -> None:
    text = (
        GOOD + TWO + '[[splits]]\nname = "test"\nkeys = "a.csv"\ncap_per_taxon = 5\n[select]\nquota_columns = ["sex"]\n'
    )
    (tmp_path / "a.toml").write_text(text)
    splits = load_recipe(tmp_path / "a.toml").splits
    assert splits is not None and (splits[2].percent, splits[2].cap_per_taxon) == (0.0, 5)


def test_floors_above_what_all_sources_give_are_told(tmp_path: Path) -> None:
    text = GOOD.replace('path = "c"\n', 'path = "c"\ncap_per_taxon = 3\n') + "[select]\nmin_per_taxon = 4\n"
    assert "all sources together give 3" in told(tmp_path, text)


def test_a_recipe_without_these_keys_has_none_of_them_in_its_canonical_form(tmp_path: Path) -> None:
    from manifests import canonical_json

    (tmp_path / "a.toml").write_text(GOOD)
    text = canonical_json(load_recipe(tmp_path / "a.toml"))
    assert "split" not in text and '"select":{"cap_per_taxon":0,"validation_percent":5.0}' in text
