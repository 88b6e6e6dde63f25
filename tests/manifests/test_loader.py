"""What a good recipe becomes: frozen data with strict types, absolute paths, and overrides applied."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest

from manifests import (
    BenchmarkSpec,
    ExportRules,
    FetchRules,
    HostRules,
    ImageRules,
    LicencePolicy,
    LikenessRules,
    Limits,
    PrivacyRules,
    Recipe,
    RecipeError,
    RecipePath,
    ScoresSpec,
    SelectRules,
    ShardRules,
    SourceSpec,
    SplitSpec,
    SplittingRules,
    TaxonomyRules,
    canonical_json,
    check_paths,
    describe_recipe,
    load_recipe,
    recipe_from_json,
    starter_recipe,
)
from manifests.checks import check_fetch
from manifests.host_rules import parse_host_rule
from manifests.paths import as_given
from manifests.places import Places

GOOD = 'name = "demo"\n[[sources]]\nname = "gbif"\nkind = "gbif-dwca"\npath = "gbif.zip"\n'


TABLES = (
    Recipe,
    SourceSpec,
    BenchmarkSpec,
    TaxonomyRules,
    LicencePolicy,
    ExportRules,
    FetchRules,
    HostRules,
    ImageRules,
    LikenessRules,
    PrivacyRules,
    ScoresSpec,
    SelectRules,
    SplittingRules,
    SplitSpec,
    ShardRules,
    Limits,
)


def write(folder: Path, text: str) -> Path:
    file = folder / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_minimal_recipe_gets_every_default(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD))
    assert recipe == Recipe("demo", (SourceSpec("gbif", "gbif-dwca", str(tmp_path / "gbif.zip")),))


def test_lists_become_tuples_and_integers_become_numbers_where_declared(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD + '[fetch]\nhosts = ["*.a.org", "b:80"]\nread_timeout = 3\n'))
    assert recipe.fetch == FetchRules(hosts=("*.a.org", "b:80"), read_timeout=3.0)
    assert type(recipe.fetch.read_timeout) is float
    assert hash(recipe) == hash(load_recipe(tmp_path / "recipe.toml"))


@pytest.mark.parametrize(
    "line",
    [
        'connect_to = ["img.example.org=127.0.0.1:8080", "b=[::1]:1", "*.x=10.0.0.1:80", "a.b:443=c:1", "[::1]:9=d:1"]',
        'host."*.example.org" = {rate = 500, connections = 64}\nhost."example.org:8080".give_up_after = 5',
        'host.localhost.rate = 0.5\nhost."[2001:db8::1]:80".connections = 1',
        'hosts = ["example.org", "*.example.org:443", "10.0.0.1", "[2001:db8::1]:80", "xn--bcher-kva.example"]',
        'allow_private = ["localhost", "localhost:8080", "[::1]:9"]',
        'contact = "https://example.org/about?x=1 (Biomill)"',
    ],
)
def test_hosts_may_be_written_in_every_documented_form(tmp_path: Path, line: str) -> None:
    load_recipe(write(tmp_path, GOOD + f"[fetch]\n{line}\n"))


def test_a_table_of_a_host_is_named_by_its_pattern_in_a_file_an_override_and_json(tmp_path: Path) -> None:
    text = GOOD + '[fetch.host."b.org"]\nrate = 5\n[fetch.host."*.a.org:81"]\nconnections = 64\n'
    recipe = load_recipe(
        write(tmp_path, text),
        ['fetch.host."b.org".rate=6', "fetch.host.c.org.rate = 7", "fetch.host.'*.d.org'={give_up_after=8}"],
    )
    assert recipe.fetch.host == (
        *(HostRules("*.a.org:81", connections=64), HostRules("*.d.org", give_up_after=8)),
        *(HostRules("b.org", rate=6.0), HostRules("c.org", rate=7.0)),
    )
    assert recipe_from_json(canonical_json(recipe), tmp_path).fetch == recipe.fetch


def test_the_rule_of_a_host_is_one_line_of_a_command() -> None:
    assert parse_host_rule(" b.org  give_up_after=3 rate=0.5 ") == HostRules("b.org", rate=0.5, give_up_after=3)
    for line in (
        "b.org rate",
        "b.org rate=1 rate=2",
        "b.org speed=1",
        "b.org rate=fast",
        "b.org pattern=c connections=1",
    ):
        with pytest.raises(RecipeError, match="--host-rule b"):
            parse_host_rule(line)
    for line in ("", "b.org", "https://b.org/ rate=1", "b.org rate=nan", "b.org rate=-1", "b.org connections=0"):
        with pytest.raises(RecipeError):
            check_fetch(FetchRules(host=(parse_host_rule(line),)), Places("the command line"))


def test_paths_count_from_the_folder_of_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    text = (
        'name = "demo"\n[[sources]]\nname = "e"\nkind = "eol"\npath = "./m//x.tgz"\nhierarchy = "../dh.zip"\n'
        'media = "/abs/media"\n[[benchmarks]]\nname = "b"\npath = "gs://bucket/b.csv"\nids = "ids.csv"\n'
        '[taxonomy]\nsources = ["default", "./default", "col"]\n'
    )
    write(tmp_path / "sub", text)
    monkeypatch.chdir(tmp_path)
    for file in ("sub/recipe.toml", tmp_path / "sub" / "recipe.toml"):
        recipe = load_recipe(file)
        source, benchmark = recipe.sources[0], recipe.benchmarks[0]
        folder = str(tmp_path / "sub")
        assert (source.path, source.hierarchy) == (f"{folder}/m/x.tgz", f"{folder}/../dh.zip")
        assert (source.media, benchmark.path, benchmark.ids) == ("/abs/media", "gs://bucket/b.csv", f"{folder}/ids.csv")
        assert recipe.taxonomy.sources == ("default", f"{folder}/default", f"{folder}/col")
        assert [as_given(path) for path in (source.path, source.hierarchy)] == ["m/x.tgz", "../dh.zip"]
        assert as_given(recipe.taxonomy.sources[1]) == "./default"


def test_a_loaded_recipe_survives_pickling_with_its_written_paths(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(recipe, protocol))
        assert again == recipe
        assert isinstance(again.sources[0].path, RecipePath)
        assert as_given(again.sources[0].path) == "gbif.zip"


def test_overrides_are_typed_by_key_and_applied_in_order(tmp_path: Path) -> None:
    text = GOOD + '[[benchmarks]]\nname = "rare-species"\npath = "p"\n[image]\nside = 1\nquality = 80\n'
    recipe = load_recipe(
        write(tmp_path, text),
        [
            "likeness.duplicate_distance=8",
            "image.side=2",
            "image.side = 3",
            "sources.gbif.path=other/b.zip",
            "sources[0].release=2024-01-01",
            "benchmarks.rare-species.ids=ids.csv",
            'fetch.hosts=["a.org"]',
            "fetch.read_timeout=7",
            "description=two words = one",
            'name="quoted"',
            "shards.prefix=2024",
        ],
    )
    assert recipe.likeness == LikenessRules(duplicate_distance=8)
    assert recipe.image == ImageRules(side=3, quality=80)
    assert recipe.sources[0].path == str(tmp_path / "other/b.zip")
    assert recipe.sources[0].release == "2024-01-01"
    assert recipe.benchmarks[0].ids == str(tmp_path / "ids.csv")
    assert (recipe.fetch.hosts, recipe.fetch.read_timeout) == (("a.org",), 7.0)
    assert (recipe.description, recipe.name, recipe.shards.prefix) == ("two words = one", "quoted", "2024")


def test_check_paths_names_the_first_missing_path_its_key_and_a_neighbour(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, GOOD))
    (tmp_path / "gbif2.zip").touch()
    with pytest.raises(RecipeError) as caught:
        check_paths(recipe)
    assert f"no such file or folder: '{tmp_path / 'gbif.zip'}'" in caught.value.what
    assert caught.value.where == "key sources[0].path ('gbif')"
    assert f"did you mean '{tmp_path / 'gbif2.zip'}'" in caught.value.remedy
    (tmp_path / "gbif.zip").touch()
    check_paths(recipe)


@pytest.mark.parametrize(
    ("extra", "key"),
    [
        ('media = "m"\n', "sources[0].media"),
        ('media = "gbif.zip/inside"\n', "sources[0].media"),
        ('[[benchmarks]]\nname = "b"\npath = "p"\n', "benchmarks[0].path ('b'"),
        ('[[benchmarks]]\nname = "b"\npath = "gbif.zip"\nids = "i"\n', "benchmarks[0].ids"),
        ('[taxonomy]\nsources = ["default", "col"]\n', "taxonomy.sources[1]"),
    ],
)
def test_check_paths_covers_every_path_key(tmp_path: Path, extra: str, key: str) -> None:
    (tmp_path / "gbif.zip").touch()
    with pytest.raises(RecipeError) as caught:
        check_paths(load_recipe(write(tmp_path, GOOD + extra)))
    assert key in caught.value.where
    assert "--set" in caught.value.remedy


def test_check_paths_leaves_addresses_with_a_scheme_alone(tmp_path: Path) -> None:
    check_paths(load_recipe(write(tmp_path, GOOD.replace("gbif.zip", "gs://bucket/gbif.zip"))))


def test_the_starter_recipe_loads_and_states_the_defaults_it_comments_on(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, starter_recipe()))
    assert [source.kind for source in recipe.sources] == ["gbif-dwca", "eol", "bioscan5m", "fathomnet"]
    assert (recipe.image, recipe.likeness) == (ImageRules(), LikenessRules())
    uncommented = "".join(
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line
        for line in starter_recipe().splitlines(keepends=True)
    )
    with_defaults = load_recipe(
        write(tmp_path, uncommented), ["benchmarks.rare-species.ids=''", f"description={recipe.description}"]
    )
    assert with_defaults == recipe


def test_the_reference_has_a_row_for_every_key_and_its_docstring() -> None:
    reference = describe_recipe()
    assert "| `side` | integer | `256` | a number from 1 to 65,500 pixels | Target side in pixels" in reference
    assert '| `allow` | list of strings | `["CC0", "PD",' in reference
    for heading in ("## `[[sources]]`", "## `[[benchmarks]]`", "## `[fetch]`", "## `[limits]`"):
        assert heading in reference
    rows = [line for line in reference.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(dataclasses.fields(table)) for table in TABLES)
    assert all(line.replace("\\|", "").count("|") == 6 for line in rows)
    assert reference == describe_recipe()
