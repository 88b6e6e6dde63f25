"""Every way in which a recipe can be wrong ends in one error that names place, value, expectation and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests import RecipeError, RecipeErrors, load_recipe

HEAD = 'name = "demo"\n'
SOURCE = '[[sources]]\nname = "gbif"\nkind = "gbif-dwca"\npath = "gbif.zip"\n'
GOOD = HEAD + SOURCE


def failure(tmp_path: Path, text: str | bytes, *overrides: str) -> RecipeError:
    file = tmp_path / "recipe.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, overrides)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        # unknown keys
        (HEAD + SOURCE.replace("path", "pth"), 5, ["unknown key 'sources[0].pth' = \"gbif.zip\"", "write 'path'"]),
        (GOOD + "[likenes]\n", 6, ["unknown key 'likenes' = {}", "write 'likeness'"]),
        (GOOD + "[image]\nsides = 3\n", 7, ["'image.sides' = 3", "one of side, rule, quality", "write 'side'"]),
        (GOOD + "[image]\nquux = 3\n", 7, ["unknown key 'image.quux'", "remove the key"]),
        (GOOD + "image.sides = 3\n", 6, ["unknown key 'sources[0].image'"]),
        (HEAD + 'a."b c" = 1\n' + SOURCE, 2, ["unknown key 'a'"]),
        (GOOD + '[[sources]]\nname = "b"\nlicence = "CC0"\n', 8, ["'sources[1].licence' = \"CC0\"", "write 'license'"]),
        # missing keys
        (SOURCE, 0, ["missing key 'name'", 'add name = "..."']),
        (HEAD, 0, ["missing key 'sources'", "add at least one [[sources]] table"]),
        (HEAD + '[[sources]]\nname = "a"\nkind = "eol"\n', 2, ["missing key 'sources[0].path'", "a string"]),
        (GOOD + '[[benchmarks]]\nname = "b"\n', 6, ["missing key 'benchmarks[0].path'"]),
        ("", 0, ["missing key 'name'"]),
        ("", 0, ["missing key 'sources'"]),
        # wrong types
        ("seed = true\n" + GOOD, 1, ["'seed' is a boolean (true)", "an integer"]),
        ("seed = 1.0\n" + GOOD, 1, ["'seed' is a number (1.0)", "an integer"]),
        ('seed = "1"\n' + GOOD, 1, ["'seed' is a string (\"1\")", "an integer", "write it without quotes"]),
        ("name = 1\n" + SOURCE, 1, ["'name' is an integer (1)", "a string", 'put it in quotes: "1"']),
        ("name = 2024-01-01\n" + SOURCE, 1, ["'name' is a date or time", "2024-01-01", "a string"]),
        (GOOD + "[fetch]\nread_timeout = true\n", 7, ["'fetch.read_timeout' is a boolean", "a number"]),
        (GOOD + '[licences]\nallow_unknown = "yes"\n', 7, ['is a string ("yes")', "true or false"]),
        (GOOD + '[fetch]\nhosts = "example.org"\n', 7, ["is a string", "a list of strings", '["example.org"]']),
        (GOOD + '[fetch]\nhosts = ["a", 1]\n', 7, ["'fetch.hosts[1]' is an integer (1)", "a string"]),
        (GOOD.replace("[[sources]]", "[sources]"), 2, ["'sources' is a table", "a list of tables", "[[sources]]"]),
        (HEAD + "sources = [1]\n", 2, ["'sources[0]' is an integer (1)", "a table"]),
        (HEAD + "image = 3\n" + SOURCE, 2, ["'image' is an integer (3)", "a table"]),
        # values
        (GOOD.replace("gbif-dwca", "gbif-dwc"), 4, ["'sources[0].kind' is \"gbif-dwc\"", "bioscan5m", "'gbif-dwca'"]),
        (GOOD.replace('name = "gbif"', 'name = "GBIF"'), 3, ["'sources[0].name' is \"GBIF\"", "a-z, 0-9"]),
        (GOOD.replace('"demo"', '"-demo"'), 1, ["'name' is \"-demo\"", "beginning with a letter or digit"]),
        (GOOD.replace('"demo"', '"' + "a" * 65 + '"'), 1, ["1 to 64"]),
        (GOOD.replace('"gbif.zip"', '" "'), 5, ["'sources[0].path' is \" \"", "a path"]),
        (GOOD.replace('"gbif.zip"', '"a\\u0000b"'), 5, ["'sources[0].path'", "a path"]),
        (GOOD + "priority = -1\n", 6, ["'sources[0].priority' is -1", "from 0 to"]),
        (GOOD + 'hierarchy = "dh.zip"\n', 6, ["source 'gbif' of kind 'gbif-dwca'", "'eol'", "remove the key"]),
        (GOOD + '[taxonomy]\nminimum_rank = "tribe"\n', 7, ['"tribe"', "kingdom, phylum, class"]),
        (GOOD + "[taxonomy]\nsources = []\n", 7, ["'taxonomy.sources' is empty"]),
        (GOOD + '[taxonomy]\nsources = ["a", "a"]\n', 7, ['holds "a" twice']),
        (
            GOOD + '[licences]\nallow = ["CC-BY-4.0"]\n',
            7,
            ["'licences.allow[0]' is \"CC-BY-4.0\"", "CC-BY-NC", "'CC-BY'"],
        ),
        (GOOD + "[licences]\nallow = []\n", 7, ["'licences.allow' is empty"]),
        (GOOD + '[fetch]\ncontact = "a@b.c\\r\\nX: y"\n', 7, ["'fetch.contact'", "printable ASCII"]),
        (GOOD + '[fetch]\nhosts = ["https://example.org/"]\n', 7, ["'fetch.hosts[0]'", "'*.host'"]),
        (GOOD + '[fetch]\nhosts = ["a.b:0"]\n', 7, ["'fetch.hosts[0]'", "'host:port'"]),
        (GOOD + '[fetch]\nallow_private = ["*.b"]\n', 7, ["'fetch.allow_private[0]'"]),
        (GOOD + '[fetch]\nconnect_to = ["*=127.0.0.1:1"]\n', 7, ["'fetch.connect_to[0]'", "host=address:port"]),
        (GOOD + '[fetch]\nconnect_to = ["a.b"]\n', 7, ["'fetch.connect_to[0]'", "host=address:port"]),
        (GOOD + '[fetch]\nconnect_to = ["a.b=127.0.0.1:65536"]\n', 7, ["'fetch.connect_to[0]'"]),
        (GOOD + "[fetch]\nper_host_rate = 0\n", 7, ["'fetch.per_host_rate' is 0.0", "above 0"]),
        (GOOD + "[fetch]\nread_timeout = nan\n", 7, ["'fetch.read_timeout' is NaN"]),
        (GOOD + "[fetch]\nmax_retry_after = inf\n", 7, ["'fetch.max_retry_after' is Infinity"]),
        (GOOD + "[fetch]\nattempts = 0\n", 7, ["'fetch.attempts' is 0", "from 1 to 100"]),
        (GOOD + "[fetch]\nmax_bytes = -1\n", 7, ["'fetch.max_bytes' is -1"]),
        (GOOD + "[fetch]\nlanes = -1\n", 7, ["'fetch.lanes' is -1", "from 0 to"]),
        # tables of hosts
        (GOOD + '[fetch.host."a.b"]\nrate = 0\n', 7, ["'fetch.host.\"a.b\".rate' is 0.0", "above 0"]),
        (GOOD + '[fetch.host."a.b"]\nconnections = 0\n', 7, ["'fetch.host.\"a.b\".connections' is 0", "from 1"]),
        (GOOD + '[fetch.host."a.b"]\ngive_up_after = true\n', 7, ["is a boolean", "an integer"]),
        (GOOD + '[fetch.host."a.b"]\nrates = 5\n', 7, ["one of rate, connections, give_up_after", "write 'rate'"]),
        (GOOD + '[fetch.host."a.b"]\npattern = "c"\n', 7, ["unknown key 'fetch.host.\"a.b\".pattern'"]),
        (GOOD + '[fetch.host."a.b"]\n', 6, ["'fetch.host.\"a.b\"' says nothing", "at least one of rate"]),
        (GOOD + "[fetch.host.a.b]\nrate = 5\n", 6, ["'fetch.host.a.b' is a table", 'write [fetch.host."a.b"]']),
        (GOOD + '[fetch.host."https://a.b/"]\nrate = 5\n', 6, ["'*.host' or 'host:port'"]),
        (GOOD + '[fetch.host."a.b:0"]\nrate = 5\n', 6, ["'host:port'"]),
        (GOOD + "[fetch]\nhost = 5\n", 7, ["'fetch.host' is an integer (5)", "named by their pattern"]),
        (GOOD + '[fetch.host]\n"a.b" = 5\n', 7, ["'fetch.host.\"a.b\"' is an integer (5)", "a table"]),
        (GOOD + "[[fetch.host]]\nrate = 5\n", 6, ["'fetch.host' is a list", "named by their pattern"]),
        (
            GOOD + '[fetch.host."A.b"]\nrate = 5\n[fetch.host."a.b"]\nrate = 5\n',
            8,
            ["'fetch.host.\"a.b\"' is the same host as 'fetch.host.\"A.b\"'"],
        ),
        (GOOD + '[image]\nrule = "longer"\n', 7, ["'image.rule' is \"longer\"", "shortest, longest", "'longest'"]),
        (GOOD + "[image]\nquality = 101\n", 7, ["'image.quality' is 101", "from 1 to 100"]),
        (GOOD + "[image]\nside = 0\n", 7, ["'image.side' is 0"]),
        (GOOD + "[likeness]\nleak_distance = 257\n", 7, ["'likeness.leak_distance' is 257", "from 0 to 256 bits"]),
        (GOOD + "[likeness]\nduplicate_distance = -1\n", 7, ["'likeness.duplicate_distance' is -1"]),
        (GOOD + "[likeness]\nminimum_quality = 101\n", 7, ["from 0 to 100"]),
        (GOOD + '[likeness]\nlow_information = "dropp"\n', 7, ["one of drop, keep", "'drop'"]),
        (GOOD + "[select]\nvalidation_percent = 100.1\n", 7, ["'select.validation_percent' is 100.1", "percent"]),
        (GOOD + "[select]\ncap_per_taxon = -1\n", 7, ["'select.cap_per_taxon' is -1"]),
        (GOOD + '[shards]\nlayout = "bio"\n', 7, ["one of default, lean, bioclip"]),
        (GOOD + '[shards]\nprefix = "a/b"\n', 7, ["'shards.prefix' is \"a/b\""]),
        (GOOD + "[shards]\nmax_mb = 0\n", 7, ["'shards.max_mb' is 0", "MB"]),
        (GOOD + "[shards]\nsamples_per_shard = 0\n", 7, ["'shards.samples_per_shard' is 0"]),
        (GOOD + "[limits]\nreject_percent = -0.1\n", 7, ["'limits.reject_percent' is -0.1"]),
        (GOOD + "[limits]\nmemory_mb = 1\n", 7, ["'limits.memory_mb' is 1"]),
        (f"seed = {2**63}\n" + GOOD, 1, ["'seed' is 9223372036854775808", "64-bit"]),
        (HEAD + "sources = []\n", 2, ["'sources' is empty", "[[sources]]"]),
        (GOOD + SOURCE, 7, ["'sources[1].name' is \"gbif\", which is also the name of sources[0]", "rename"]),
        (GOOD + 2 * '[[benchmarks]]\nname = "b"\npath = "p"\n', 10, ["'benchmarks[1].name'", "benchmarks[0]"]),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_line_and_a_remedy(
    tmp_path: Path, text: str, line: int, parts: list[str]
) -> None:
    found = failure(tmp_path, text)
    told = found.errors if isinstance(found, RecipeErrors) else (found,)
    (error,) = [each for each in told if all(part in str(each) for part in parts)]
    assert str(tmp_path / "recipe.toml") in error.where
    assert (f", line {line}," in error.where) if line else ("line" not in error.where.removeprefix(str(tmp_path)))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name = \n", "line 1, column 8"),
        (HEAD + 'a = "x\n', "line 2, column 7"),
        (HEAD + "[x", "line 2, column 3"),
        (HEAD + HEAD, "line 2, column"),
        ("a = " + "[" * 5_000, "recipe.toml"),
        ("a = " + "9" * 5_000, "recipe.toml"),
    ],
)
def test_a_syntax_error_names_line_and_column(tmp_path: Path, text: str, where: str) -> None:
    error = failure(tmp_path, text)
    assert where in error.where
    assert "TOML" in error.what or "nested too deeply" in error.what


def test_a_file_that_is_not_utf8_is_refused_with_the_byte(tmp_path: Path) -> None:
    error = failure(tmp_path, b'name = "demo"\ndescription = "caf\xe9"\n')
    assert "not UTF-8: byte 0xe9 at offset 32" in error.what
    assert "line 2" in error.where
    assert "UTF-8" in error.remedy


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_recipe(file).name == "demo"
    file.write_bytes((GOOD + "[image]\nsides = 1\n").replace("\n", "\r\n").encode())
    with pytest.raises(RecipeError, match="line 7"):
        load_recipe(file)


def test_a_missing_recipe_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "none.toml")
    with pytest.raises(RecipeError, match="cannot be read: Is a directory"):
        load_recipe(tmp_path)


def test_a_file_beyond_the_cap_is_refused_unparsed(tmp_path: Path) -> None:
    assert "larger than 65536 bytes" in failure(tmp_path, GOOD + "#" * 65536).what


def test_long_values_are_cut_in_messages(tmp_path: Path) -> None:
    assert len(str(failure(tmp_path, f'name = "{"x" * 9_000}"\n' + SOURCE))) < 500


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("likeness.duplicate_distance", ["no '='", "key=value"]),
        ("=3", ["cannot be read: ''"]),
        ("image..side=3", ["cannot be read: 'image..side'"]),
        ("image.side=big", ["'image.side' is a string (\"big\")", "an integer"]),
        ("image.sid=3", ["unknown key 'image.sid' = 3", "write 'side'"]),
        ("imag.side=3", ["unknown key 'imag'", "write 'image'"]),
        ("likeness.leak_distance=300", ["'likeness.leak_distance' is 300", "from 0 to 256"]),
        ("sources.gbiff.path=x", ["no entry of 'sources' is named 'gbiff'", "one of gbif", "sources.gbif"]),
        ("benchmarks.b.path=x", ["no entry of 'benchmarks' is named 'b'", "[[benchmarks]]"]),
        ("sources[4].path=x", ["no place for 'sources[4]'"]),
        ("sources[0]=3", ["'sources[0]' is an integer (3)", "a table"]),
        ("name.first=x", ["no place for 'name.first'"]),
        ("seed.x=3", ["'seed' is a table", "an integer"]),
        ('fetch.host."x.org".rate=0', ["'fetch.host.\"x.org\".rate' is 0.0", "above 0"]),
        ('fetch.host."x.org".sped=5', ["unknown key 'fetch.host.\"x.org\".sped'", "one of rate, connections"]),
        ("fetch.host.x.org.connections=many", ["'fetch.host.\"x.org\".connections' is a string", "an integer"]),
        ('fetch.host."x.org.rate=5', ["cannot be read"]),
        ("fetch.hosts=a.org", ["'fetch.hosts' is a string", "a list of strings"]),
        ("sources.gbif.kind=eoll", ["'sources[0].kind' is \"eoll\"", "'eol'"]),
        ("image={side=0}", ["'image.side' is 0"]),
        ("seed=1\nname='x'", ["'seed' is a string"]),
    ],
)
def test_a_bad_override_names_itself_as_the_place(tmp_path: Path, override: str, parts: list[str]) -> None:
    error = failure(tmp_path, GOOD + "[image]\nside = 256\n", override)
    for part in parts:
        assert part in str(error)
    assert error.where == f"--set {override}"


def test_an_override_of_one_of_two_equal_names_is_blamed(tmp_path: Path) -> None:
    other = SOURCE.replace('"gbif"', '"b"')
    assert failure(tmp_path, GOOD + other, "sources.b.name=gbif").where == "--set sources.b.name=gbif"
    assert failure(tmp_path, GOOD + other, "sources.gbif.name=b").where == "--set sources.gbif.name=b"
