"""What is asked of a training run is checked before anything is read, and every fault is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.cli import main
from pipeline.model.errors import UsageError
from pipeline.train.recipes import read_settings, recipe_text, shipped
from pipeline.train.settings import FREE, Settings


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("steps=0", "steps is 0"),
        ("batch=1.5", "batch is 1.5"),
        ("batch=true", "batch is True"),
        ("rate=0", "rate is 0"),
        ("rate=nan", "rate is nan"),
        ("decay=-1", "decay is -1"),
        ("beta2=1.0", "beta2 is 1.0"),
        ("warmup=1000", "the warm-up of 1000 steps is as long as the run of 1000"),
        ("text=[]", "text is []"),
        ('text=["sci", "sci"]', "each once"),
        ('text=["latin"]', "text is 'latin'"),
        ('text="sci"', "text is 'sci'"),
        ("objective=clasify", "write 'classify'"),
        ("head=hierarchical", "objective classify"),
        ("template=a drawing", "the template is 'a drawing'"),
        ("template={} and {}", "the template is"),
        ("precision=fp16", "precision is 'fp16'"),
        ("sampler=squirt", "sampler is 'squirt'"),
        ("stps=3", "write 'steps'"),
        ("steps", "sets nothing"),
    ],
)
def test_a_wrong_setting_is_named(change: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings("", [change])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("journals=tensorboard", 'a list such as ["tensorboard"]'),
        ("text=sci", 'a list such as ["taxon_com"]'),
        ("replay_batch=1.5", "a whole number"),
        ("rate=fast", "a number"),
        ("compile=1", "true or false"),
        ("device=3", "a text"),
        ("model=3", 'a text such as "tiny"'),
        ("threads=1025", "1 to 1,024"),
    ],
)
def test_what_a_setting_takes_is_told(change: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings("", [change])
    assert caught.value.expected == expected


def test_half_a_replay_that_is_named_is_refused_and_one_of_a_recipe_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="add --set replay_batch=N"):
        read_settings("", ["replay=/data"])
    with pytest.raises(UsageError, match="add --replay WHERE"):
        read_settings("tiny", ["replay_batch=4"])
    assert read_settings("", ["replay=/data", "replay_batch=4"]).replays
    assert read_settings("bioclip2", ["replay=/data"]).replays
    assert not read_settings("bioclip2").replays
    for nothing in (["replay=/data", "replay_batch=0"], ["replay=", "replay_batch=4"]):
        assert not read_settings("", nothing).replays, "what is set to nothing is meant"
    mine = tmp_path / "mine.toml"
    mine.write_text('replay = "/data"')
    assert not read_settings(str(mine)).replays and read_settings(str(mine), ["replay_batch=4"]).replays


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--text", ""], "text is ''"),
        (["--text", "sci,,com"], "text is ''"),
        (["--where", " "], "the condition of --where is empty"),
        (["--replay", "/data"], "replay_batch=N"),
        (["--set", "replay_batch=4"], "no replay is named"),
    ],
)
def test_options_that_say_nothing_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "out", "--print", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_that_ships_holds_and_tells_where_it_is_from(name: str) -> None:
    settings = read_settings(name)
    assert settings.warmup < settings.steps
    text = recipe_text(name)
    assert text.startswith("# ")
    assert "Source:" in text or name == "tiny"


def test_what_is_printed_is_a_recipe_of_the_same_digest(tmp_path: Path) -> None:
    settings = read_settings("bioclip2", ["rate=3e-4", "where=family = 'Felidae'"])
    (tmp_path / "mine.toml").write_text("\n".join(settings.toml()))
    again = read_settings(str(tmp_path / "mine.toml"))
    assert again == settings
    assert again.digest() == settings.digest()


def test_a_recipe_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write 'bioclip2'"):
        read_settings("bioclp2")
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(UsageError, match="no TOML"):
        read_settings(str(tmp_path / "bad.toml"))


def test_every_setting_but_the_free_ones_decides_the_digest() -> None:
    for field in dataclasses.fields(Settings):
        changed = dataclasses.replace(Settings(), **{field.name: _other(field.default)})
        free = field.name in FREE
        assert (changed.digest() == Settings().digest()) == free, field.name
        assert bool(changed.difference(Settings())) != free


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return ("sci",)
    return f"{value}x" if isinstance(value, str) else value + 1
