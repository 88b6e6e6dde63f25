"""What is asked of a training run is checked before anything is read, and every fault is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

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
