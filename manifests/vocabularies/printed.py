"""The page docs/vocabularies.md, which lists the vocabularies; a test holds the two together."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.vocabularies.countries import COUNTRY
from manifests.vocabularies.observations import BASES, CATEGORIES, QUALITY_GRADE, TAXON_RANKS
from manifests.vocabularies.organisms import LIFE_STAGE, SEX

_HEAD = """# Vocabularies

What a record says in a controlled vocabulary, and what a recipe may write for it. Readers of all sources bring
`life_stage`, `sex`, `country_code` and `quality_grade` to one spelling; the source's own text stays beside it, in
`life_stage_verbatim`, `sex_verbatim`, `country_verbatim` and `label_status`. A text that is no term is null, with the
issue `LIFE_STAGE_UNLISTED`, `SEX_UNLISTED` or `COUNTRY_UNLISTED`; nothing is corrected.

Case, accents, punctuation and blanks are set aside, and so are whole numbers that count individuals (`2 females`). The
address of a term of a published vocabulary is that term. A text that names one term several times is that term; one
that names several is none, but `male; female` is `Mixed`. A sex or a stage with a question mark is none. `life_stages`,
`sexes` and `countries` of a [choice](choosing.md) may write any word of these tables; terms are compared as they are:
`Adult` does not choose `Imago`, nor `Larva` `Caterpillar`.
"""


def vocabularies_page() -> str:
    """Return the text of docs/vocabularies.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for vocabulary, column in (
        (LIFE_STAGE, "life_stage"),
        (SEX, "sex"),
        (QUALITY_GRADE, "quality_grade"),
        (COUNTRY, "country_code"),
    ):
        yield f"## {vocabulary.title}\n"
        yield f"`{column}`: {vocabulary.source}.\n"
        yield from vocabulary.table()
        yield ""
    yield "## Other lists\n"
    for column, words in (
        ("`image_category`, and `categories` of a choice", CATEGORIES),
        ("`basis` of a choice", BASES),
        ("`ranks` of a choice", TAXON_RANKS),
    ):
        yield f"- {column}: {', '.join(words)}"
