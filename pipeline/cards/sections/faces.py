"""What do the images look like? A fair sample, the commonest taxa, and the rarest."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.cards.sections.section import Asked, Picture, Pictures, Section, count
from pipeline.cards.sections.shots import Shots
from pipeline.storage.statements import Statements

SAMPLE, COMMONEST, RAREST = 24, 12, 12
"""Pictures of each sheet."""
_SQL = Statements(__name__)


def faces(asked: Asked, shots: Shots) -> Section:
    """Return the section: three contact sheets."""
    kept = asked.one("SELECT count(*) FROM shown")[0]
    question = "What do the images look like?"
    if not kept:
        return Section("faces", question, "No image was kept.", facts={"kept": 0})
    sheets: tuple[tuple[str, str], ...] = (
        ("A fair sample: the first by their keys, which are hashes.", _SQL("sample", most=SAMPLE)),
        ("One image of each of the commonest taxa.", _SQL("of_taxa", order="images DESC, accepted_id", most=COMMONEST)),
        ("One image of each of the rarest taxa.", _SQL("of_taxa", order="images, accepted_id", most=RAREST)),
    )
    if kept <= SAMPLE:
        sheets = (("All images, by their keys.", sheets[0][1]),)
    parts = [Pictures(says, tuple((each,) for each in _pictures(asked, shots, query))) for says, query in sheets]
    shown = {"sample": min(kept, SAMPLE), "keys": [row[0] for row in asked.rows(_SQL("keys", most=SAMPLE))]}
    answer = f"{SAMPLE} images of {kept:,}, drawn without choosing, and the commonest and rarest taxa."
    if kept <= SAMPLE:
        answer = f"{count(kept, 'image')}, no more were kept."
    return Section("faces", question, answer, tuple(parts), {"kept": kept, **shown})


def _pictures(asked: Asked, shots: Shots, query: str) -> Iterator[Picture]:
    for record, source, shard, offset, length, digest, name, images in asked.rows(query):
        note = f"{source}; {count(images, 'image')} of its taxon"
        yield shots.kept(shard, offset, length, digest, str(name or "no name"), note, record)
