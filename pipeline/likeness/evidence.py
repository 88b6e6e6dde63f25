"""Evidence as pictures: contact sheets of clusters, and leaking pairs side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.likeness.sheets import Row, thumbnail_picture, write_sheets

if TYPE_CHECKING:
    from pipeline.likeness.check import LeakReport


def _thumbnails(*tables: pa.Table) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for prefix, table in zip(("", "held-out: "), tables, strict=False):
        columns = [table[name].to_pylist() for name in ("benchmark", "item", "thumbnail")]
        for benchmark, item, thumbnail in zip(*columns, strict=True):
            found[f"{prefix}{benchmark}/{item}" if prefix else item] = thumbnail
    return found


def _said(evidence: str | None) -> str:
    proof: dict[str, Any] = json.loads(evidence) if evidence and evidence.startswith("{") else {}
    return ", ".join(f"{key} {proof[key]}" for key in ("rule", "distance", "residual", "taxa") if key in proof)


def cluster_sheets(folder: Path, images: pa.Table, decisions: pa.Table) -> list[Path]:
    """Write the contact sheets of all clusters of more than one image: `clusters.html` and its pictures."""
    thumbnails = _thumbnails(images)
    clusters: dict[str, list[dict[str, Any]]] = {}
    for row in decisions.to_pylist():
        if row["cluster"] is not None:
            clusters.setdefault(row["cluster"], []).append(row)
    rows = []
    for name, members in sorted(clusters.items()):
        if len(members) > 1:
            members.sort(key=lambda row: (row["decision"] != "kept", row["item"]))
            captions = [
                " · ".join(part for part in (row["outcome"], row["label"], _said(row["evidence"])) if part)
                for row in members
            ]
            pictures = tuple((row["item"], caption) for row, caption in zip(members, captions, strict=True))
            rows.append(Row(f"{name}: {len(members)} images", pictures))
    return write_sheets(
        folder, "clusters", "Images that are alike", rows, lambda name: thumbnail_picture(thumbnails.get(name))
    )


def leak_sheets(folder: Path, report: LeakReport) -> list[Path]:
    """Write the leaking pairs side by side, training image left and held-out one right: `leaks.html`."""
    thumbnails = _thumbnails(report.train, report.held_out)
    rows = []
    for leak in sorted(report.leaks.to_pylist(), key=lambda row: (row["decision"], row["distance"], row["train"])):
        pictures = [(leak["train"], f"{leak['decision']}: {leak['rule']}")]
        if leak["item"] is not None:
            apart = [f"distance {leak['distance']}"] if leak["distance"] >= 0 else []
            apart += [f"residual {leak['residual']}"] if leak["residual"] >= 0 else []
            apart += [f"variant {leak['variant']}"] if leak["variant"] > 0 else []
            pictures.append((f"held-out: {leak['benchmark']}/{leak['item']}", ", ".join(apart)))
        rows.append(Row(f"{leak['train']}", tuple(pictures)))
    return write_sheets(
        folder, "leaks", "Training image | held-out image", rows, lambda name: thumbnail_picture(thumbnails.get(name))
    )
