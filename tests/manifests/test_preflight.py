"""What is knowable before a run is told, and nothing is told of a recipe that is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from manifests import FetchRules, HostRules, LicencePolicy, Recipe, SelectRules, SourceSpec, TaxonomyRules
from manifests.preflight import Finding, SourceFacts, preflight

LILA = SourceSpec("cam", "lila", "/d/a.csv", license="CDLA-Permissive-1.0")
WELL = Recipe(
    "r",
    (LILA,),
    taxonomy=TaxonomyRules(sources=("col.zip",)),
    fetch=FetchRules(contact="a@b.org", hosts=("*.lila.org",)),
)
CAM = SourceFacts(rows_state_licences=False, family="CDLA-Permissive")
FACTS = {"cam": CAM}


def told(recipe: Recipe, facts: dict[str, SourceFacts] | None = None) -> list[Finding]:
    return preflight(recipe, FACTS if facts is None else facts)


def keys(recipe: Recipe, facts: dict[str, SourceFacts] | None = None) -> list[str]:
    return [finding.key for finding in told(recipe, facts)]


def fetch(**rules: object) -> Recipe:
    return replace(WELL, fetch=replace(WELL.fetch, **rules))  # type: ignore[arg-type]


def test_nothing_is_told_of_a_recipe_that_is_well() -> None:
    assert told(WELL) == []


def test_a_licence_that_may_not_enter_is_told_with_the_family_to_add() -> None:
    barred = replace(WELL, licences=LicencePolicy(allow=("CC0",)))
    (finding,) = told(barred)
    assert finding.key == "sources.cam.license" and not finding.fatal_from
    assert "every row" in finding.problem and 'add "CDLA-Permissive"' in finding.remedy
    (finding,) = told(barred, {"cam": replace(CAM, rows_state_licences=True)})
    assert "rows that state no licence" in finding.problem


def test_a_licence_that_is_not_stated_or_not_understood_is_told_unless_unknown_ones_may_enter() -> None:
    for said, family in (("", ""), ("CC BYY", "UNKNOWN")):
        recipe = replace(WELL, sources=(replace(LILA, license=said),))
        facts = {"cam": replace(CAM, family=family)}
        (finding,) = told(recipe, facts)
        assert "licence_unknown" in finding.problem
        assert told(replace(recipe, licences=LicencePolicy(allow_unknown=True)), facts) == []
    # Rows that state their own licences need none of the recipe.
    recipe = replace(WELL, sources=(replace(LILA, license=""),))
    assert told(recipe, {"cam": SourceFacts()}) == []


def test_no_contact_refuses_a_run_that_is_sure_to_fetch() -> None:
    (finding,) = told(fetch(contact=" "))
    assert (finding.key, finding.fatal_from) == ("fetch.contact", "fetch")


@pytest.mark.parametrize(
    "rules",
    [
        {"mirrors": ("https://a.lila.org/=/d",)},
        {"allow_private": ("a.lila.org",)},
        {"connect_to": ("a.lila.org=127.0.0.1:80",)},
    ],
)
def test_no_contact_is_a_warning_where_stores_and_hosts_of_our_own_may_hold_all(rules: dict[str, object]) -> None:
    (finding,) = told(fetch(contact="", **rules))
    assert (finding.key, finding.fatal_from) == ("fetch.contact", "")


def test_no_contact_is_needed_where_a_store_holds_the_images() -> None:
    local = replace(fetch(contact=""), sources=(replace(LILA, media="/d/images"),))
    assert told(local, {"cam": replace(CAM, reads_media=True)}) == []
    assert [finding.fatal_from for finding in told(local) if finding.key == "fetch.contact"] == ["fetch"]
    assert told(fetch(contact=""), {"cam": replace(CAM, has_addresses=None)})[0].fatal_from == ""


def test_a_store_that_is_needed_or_never_read_is_told() -> None:
    assert keys(WELL, {"cam": replace(CAM, reads_media=True, has_addresses=False)}) == ["sources.cam.media"]
    assert keys(replace(WELL, sources=(replace(LILA, media="/d/images"),))) == ["sources.cam.media"]


def test_names_that_need_a_hierarchy_are_told() -> None:
    facts = {"cam": replace(CAM, needs_hierarchy=True)}
    assert keys(WELL, facts) == ["sources.cam.hierarchy"]
    assert keys(replace(WELL, sources=(replace(LILA, hierarchy="/d/h.zip"),)), facts) == []


def test_the_default_taxonomy_is_told_unless_only_hosts_that_cannot_exist_are_asked() -> None:
    default = replace(WELL, taxonomy=TaxonomyRules())
    assert keys(default) == ["taxonomy.sources"]
    assert keys(replace(default, fetch=FetchRules(contact="a@b.org"))) == ["taxonomy.sources"]
    assert keys(replace(default, fetch=FetchRules(contact="a@b.org", hosts=("*.biota.test", "a.example:8080")))) == []
    assert keys(replace(default, fetch=FetchRules(contact="a@b.org", hosts=("*.biota.test", "a.org")))) == [
        "taxonomy.sources"
    ]


def test_one_release_under_two_names_is_told() -> None:
    twice = replace(WELL, sources=(LILA, replace(LILA, name="two")))
    assert keys(twice, {"cam": CAM, "two": CAM}) == ["sources.two.path"]


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        ({"mirrors": ("https://other.org/photos/=/d",)}, "fetch.mirrors"),
        ({"mirrors": ("https://lila.org/photos/=/d",)}, "fetch.mirrors"),
        ({"host": (HostRules("other.org", rate=1.0),)}, "fetch.host"),
        ({"host": (HostRules("*.org.uk", rate=1.0),)}, "fetch.host"),
        ({"allow_private": ("10.0.0.1:8080",)}, "fetch.allow_private"),
        ({"connect_to": ("other.org=127.0.0.1:1",)}, "fetch.connect_to"),
    ],
)
def test_what_is_said_of_hosts_that_are_never_asked_is_told(rules: dict[str, object], key: str) -> None:
    assert keys(fetch(**rules)) == [key]
    assert keys(fetch(**rules, hosts=())) == []


@pytest.mark.parametrize(
    "rules",
    [
        {"mirrors": ("https://A.LILA.org/photos/=/d",)},
        {"host": (HostRules("*.lila.org", rate=1.0), HostRules("a.lila.org:8443", rate=1.0))},
        {"host": (HostRules("*.org", rate=1.0),)},
        {"connect_to": ("*.b.lila.org=127.0.0.1:1",)},
    ],
)
def test_what_is_said_of_hosts_that_may_be_asked_is_not_told(rules: dict[str, object]) -> None:
    assert keys(fetch(**rules)) == []


def test_the_one_host_of_a_kind_is_told_where_it_may_not_be_asked() -> None:
    facts = {"cam": replace(CAM, host="bucket.s3.amazonaws.com")}
    (finding,) = told(WELL, facts)
    assert finding.key == "fetch.hosts" and 'add "bucket.s3.amazonaws.com"' in finding.remedy
    assert told(fetch(hosts=("*.amazonaws.com",)), facts) == []


def test_a_split_without_images_is_told() -> None:
    for percent, split in ((0.0, "validation"), (100.0, "training")):
        (finding,) = told(replace(WELL, select=SelectRules(validation_percent=percent)))
        assert finding.key == "select.validation_percent" and split in finding.problem
