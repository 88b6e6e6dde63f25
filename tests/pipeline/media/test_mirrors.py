"""Media that are already held are read from where they lie, and only the others are asked of their host."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from manifests.errors import RecipeError
from pipeline.media.mirrors import Mirrors
from pipeline.model.errors import SourceError
from pipeline.model.outcomes import Outcome

PREFIX = "https://example.org/photos/"


def held(mirrors: Mirrors, url: str) -> bytes | None:
    answer = mirrors.read(url, 1000)
    return None if answer is None else answer.data


def test_the_rest_of_the_url_is_the_path_in_the_store(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "a b.jpg").write_bytes(b"picture")
    with Mirrors([f"{PREFIX}={tmp_path}"]) as mirrors:
        assert held(mirrors, PREFIX + "12/a%20b.jpg?size=large#x") == b"picture"
        assert held(mirrors, PREFIX + "12/c.jpg") is None
        assert held(mirrors, "https://example.net/photos/12/a%20b.jpg") is None


def test_the_longest_prefix_speaks_in_whatever_order_they_are_written(tmp_path: Path) -> None:
    for name in ("all", "new"):
        (tmp_path / name / "new").mkdir(parents=True)
        (tmp_path / name / "a.jpg").write_bytes(name.encode())
    rules = [f"{PREFIX}={tmp_path / 'all'}", f"{PREFIX}new/={tmp_path / 'new'}"]
    for order in (rules, rules[::-1]):
        with Mirrors(order) as mirrors:
            assert [held(mirrors, PREFIX + path) for path in ("a.jpg", "new/a.jpg")] == [b"all", b"new"]


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "a/%2e%2e/%2e%2e/secret", "%2Fetc/passwd", "link"])
def test_no_url_leads_out_of_a_mirror(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    store = tmp_path / "store"
    store.mkdir()
    (store / "link").symlink_to(tmp_path / "secret")
    with Mirrors([f"{PREFIX}={store}"]) as mirrors:
        assert held(mirrors, PREFIX + path) is None


def test_a_mirror_may_be_a_tar_and_its_caps_hold(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    (tmp_path / "big.jpg").write_bytes(bytes(2000))
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        for name in ("a.jpg", "big.jpg"):
            tar.add(tmp_path / name, name)
    with Mirrors([f"{PREFIX}={tmp_path / 'photos.tar'}"]) as mirrors:
        assert held(mirrors, PREFIX + "a.jpg") == b"picture"
        answer = mirrors.read(PREFIX + "big.jpg", 1000)
        assert answer is not None
        assert answer.outcome is Outcome.TOO_LARGE


def test_a_rule_that_cannot_be_kept_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        Mirrors(["https://example.org/photos/"])
    with pytest.raises(SourceError, match="does not exist"):
        Mirrors([f"{PREFIX}={tmp_path / 'absent'}"])
