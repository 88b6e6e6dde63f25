"""Read tables of vernacular names: Darwin Core (vernacularName) and ColDP (name), with ISO 639 languages."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxonomy.readers.columns import qualify
from taxonomy.readers.delimited import inspect, read_batches
from taxonomy.readers.layout import Member
from taxonomy.readers.taxon_schema import VERNACULAR_SCHEMA, Issues

_ISO_639_3 = {
    "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "pt": "por", "it": "ita", "nl": "nld", "ja": "jpn", "zh": "zho",
    "ru": "rus", "pl": "pol", "sv": "swe", "da": "dan", "no": "nor", "nb": "nob", "nn": "nno", "fi": "fin", "cs": "ces",
    "sk": "slk", "hu": "hun", "tr": "tur", "ar": "ara", "ko": "kor", "el": "ell", "he": "heb", "uk": "ukr", "ro": "ron",
    "bg": "bul", "hr": "hrv", "sl": "slv", "et": "est", "lv": "lav", "lt": "lit", "ca": "cat", "id": "ind", "ms": "msa",
    "th": "tha", "vi": "vie", "fa": "fas", "hi": "hin", "is": "isl", "ga": "gle", "cy": "cym", "eu": "eus", "gl": "glg",
    "english": "eng", "german": "deu", "french": "fra", "spanish": "spa", "portuguese": "por", "dutch": "nld",
    "italian": "ita", "japanese": "jpn", "ger": "deu", "fre": "fra", "dut": "nld", "chi": "zho",
}  # fmt: skip
_TRUE = ("true", "t", "1", "yes", "y", "preferred")


def normalise_language(given: str | None) -> str | None:
    """Return the ISO 639-3 code of a language code or an English language name; unknown words stay as they are.

    >>> normalise_language("en"), normalise_language("en-US"), normalise_language("deu"), normalise_language(None)
    ('eng', 'eng', 'deu', None)
    """
    if not given:
        return None
    word = given.strip().casefold().replace("_", "-").split("-")[0][:32]
    return _ISO_639_3.get(word, word)


def read_vernacular(member: Member, prefix: str, issues: Issues, language: str | None = None) -> pa.Table:
    """Read one table of vernacular names (VERNACULAR_SCHEMA); a table without the needed columns gives no rows.

    `language` holds where the table states none.
    """
    table = inspect(member.origin, member.open)
    terms = table.terms()
    wanted = {}
    for meaning, names in (
        ("id", ("taxonid", "id", "coreid")),
        ("name", ("vernacularname", "name")),
        ("language", ("language", "lang")),
        ("preferred", ("preferred", "ispreferredname")),
    ):
        column = next((terms[name] for name in names if name in terms), None)
        if column is not None:
            wanted[meaning] = column
    if not {"id", "name"} <= wanted.keys():
        issues.add("vernacular_table_without_needed_columns", member.origin)
        return VERNACULAR_SCHEMA.empty_table()
    parts = []
    for batch, _ in read_batches(table, wanted, issues):
        batch = batch.filter(pc.and_(pc.is_valid(batch["id"]), pc.is_valid(batch["name"])))
        none = [None] * batch.num_rows
        languages = batch["language"].to_pylist() if "language" in wanted else none
        preferred = batch["preferred"].to_pylist() if "preferred" in wanted else none
        parts.append(
            pa.table(
                {
                    "usage_id": [qualify(prefix, key) for key in batch["id"].to_pylist()],
                    "vernacular_name": batch["name"],
                    "language": [normalise_language(each) or language for each in languages],
                    "preferred": [(each or "").casefold() in _TRUE for each in preferred],
                    "source": [prefix] * batch.num_rows,
                },
                schema=VERNACULAR_SCHEMA,
            )
        )
    return pa.concat_tables(parts) if parts else VERNACULAR_SCHEMA.empty_table()
