from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.commands.cli import main

TREE = (
    "Animalia [kingdom]\n  Felidae [family]\n    Puma [genus]\n      Puma concolor (Linnaeus, 1771) [species]\n"
    "        *Felis concolor Linnaeus, 1771 [species]\n      Puma pardoides [species]\n"
)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "cats.txtree").write_text(TREE)
    assert main(["taxonomy", "build", str(tmp_path / "cats.txtree"), "default", "-o", str(tmp_path / "built")]) == 0
    return tmp_path / "built"


def test_build_says_what_it_read_and_unites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cats.txtree").write_text(TREE)
    assert main(["taxonomy", "build", str(tmp_path / "cats.txtree"), "-o", str(tmp_path / "built")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "cats: 6 usages (text tree)"
    assert said[-1].startswith("build ")


def test_diff_prints_kinds_and_writes_all_changes(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["taxonomy", "build", "default", "-o", str(tmp_path / "other")])
    capsys.readouterr()
    out = tmp_path / "changes.parquet"
    assert main(["taxonomy", "diff", str(built), str(tmp_path / "other"), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "new_id: " in said
    assert pq.read_table(out).num_rows > 5
    assert main(["taxonomy", "diff", str(built), str(built)]) == 0
    assert capsys.readouterr().out == "the two say the same of every usage\n"


def test_tree_draws_names_finds_ancestors_and_can_be_read_again(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    tree = ["taxonomy", "tree", "--taxonomy", str(built)]
    assert main([*tree, "--lca", "Felis concolor", "Puma pardoides"]) == 0
    assert capsys.readouterr().out == "genus Puma (cats:Puma)\n"
    assert main([*tree, "--format", "newick", "--labels", "id", "Puma pardoides"]) == 0
    assert "'cats:Puma pardoides'" in capsys.readouterr().out
    assert main([*tree, "-o", str(tmp_path / "pruned.txtree"), "Puma pardoides", "Puma concolor"]) == 0
    assert main(["taxonomy", "build", str(tmp_path / "pruned.txtree"), "-o", str(tmp_path / "again")]) == 0
    assert "pruned: 5 usages" in capsys.readouterr().out
    assert main([*tree, "Morus"]) == 1
    assert "no one taxon is called 'Morus'" in capsys.readouterr().err


def test_pull_lists_what_it_knows_and_refuses_the_rest(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["taxonomy", "pull", "list"]) == 0
    assert "taxdump.tar.gz" in capsys.readouterr().out
    assert main(["taxonomy", "pull", "linnaeus", "-o", str(tmp_path)]) == 2
    assert "gbif, col" in capsys.readouterr().err
