"""Vectors by timm, transformers and open_clip are those of the libraries' own preprocessing and forward pass."""

from __future__ import annotations

from pathlib import Path

from tests.oracles.environment import ran

NEEDS = ("torch", "timm", "transformers", "open_clip", "faiss", "fsspec", "numpy", "pyarrow", "duckdb", "PIL")
SCRIPT = str(Path(__file__).with_name("library_vectors.py"))


def test_vectors_are_the_libraries_own_and_what_cannot_be_is_refused(tmp_path: Path) -> None:
    assert ran([SCRIPT, str(tmp_path)], NEEDS).strip().splitlines() == [
        "timm: its own vectors",
        "timm: what cannot be is refused",
        "transformers: its own vectors, of texts too",
        "transformers: no vector through weights that the checkpoint lacks",
        "transformers: what cannot be is refused",
        "a changed preprocessing is not mixed in",
        "open_clip: its own vectors, of texts too",
        "faiss: the same neighbours",
    ]
