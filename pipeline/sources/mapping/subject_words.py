"""Words by which a source says that a medium shows a label, a drawer, a document or a drawing, and no organism.

They are looked for in what the source states of the medium (Audubon Core's subtype and subjectPart, title, caption,
description) and in the names of its file. Of a description only what is short is looked at: in prose the same words
speak of something else. A picture of a specimen "with labels" shows the specimen. What is kept of a text is the word
and where it stood, and never the rest, which may tell a place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.model.chunks import whole

WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "label": (
            *("labels?", "specimenlabels?", "etikett", "etiketten", "etiketter", "etiquetas?", "étiquettes?"),
            "etichett[ae]",
        ),
        "drawer": (
            *("drawers?", "unit trays?", "insect (?:box|boxes)", "schubladen?", "insektenk[aä]sten", "tiroirs?"),
            "gavetas?",
        ),
        "document": (
            "(?:catalog|catalogue|ledger|register|accession|title|notebook) (?:pages?|cards?|entry|entries)",
            *("ledgers?", "field (?:notes?|notebooks?|cards?)", "index cards?", "karteikarten?", "fichas?"),
            r"n\d{1,4}_w1150",  # how the Biodiversity Heritage Library names pages of print that it shows on Flickr
        ),
        "drawing": (
            *("drawings?", "illustrations?", "engravings?", "lithograph(?:s|ie|ien|y)?", "litograf[ií]as?"),
            *("woodcuts?", "sketch(?:es)?", "water ?colou?rs?", "paintings?", "line art", "clip ?art"),
            *("zeichnung(?:en)?", "abbildung(?:en)?", "dessins?", "gravures?", "aquarelles?", "dibujos?"),
            *("ilustraci[oó]n(?:es)?", "ilustra[cç](?:[aã]o|[oõ]es)", "desenhos?", "disegn[oi]", "illustrazion[ei]"),
            *("tekening(?:en)?", "illustraties?", "tegning(?:er)?", "teckning(?:ar)?", "postage stamps?"),
            *("briefmarken?", r"(?:plate|tafel|planche|l[aá]mina) \d{1,4}"),
        ),
        "map": (
            *("(?:distribution|range|occurrence|locality) maps?", "verbreitungskarten?"),
            *("cartes? de (?:r[eé]partition|distribution)", "mapas? de distribu(?:ci[oó]n|i[cç][aã]o)"),
        ),
        "diagram": ("diagrams?", "son[oa]grams?", "spectrograms?", "cladograms?", "phylogenetic trees?"),
    }
)
"""Words by what they are of, as regular expressions; a blank is what stands between two words, whatever it is."""
STATED: Mapping[str, int] = MappingProxyType(
    {"subtype": 60, "subject part": 60, "title": 200, "caption": 200, "description": 80}
)
"""What a source may state of a medium, and the longest text of each that is looked at."""
# The letters of the languages above: a class of all that Unicode has makes the search seventy times as slow.
_LETTER, _OTHER = "[a-zß-ÿ]", "[^a-zß-ÿ]"
_BEFORE, _BETWEEN, _AFTER = f"(?:^|{_OTHER})", _OTHER + "{1,3}", f"(?:{_OTHER}|$)"
_ANY = "|".join(word.replace(" ?", _OTHER + "?").replace(" ", _BETWEEN) for words in WORDS.values() for word in words)
_WORD = rf"(?i){_BEFORE}(?P<word>{_ANY}){_AFTER}"
_TERM = rf"(?i){_BEFORE}(?P<word>{_ANY}|maps?){_AFTER}"
"""Of a subtype, which is no prose, a map by itself is one too."""
_BESIDE = (
    rf"(?i){_BEFORE}(?:with|without|and|incl|including|mit|ohne|und|avec|sans|et|con|sin|com|sem|met|med)"
    rf"{_BETWEEN}(?:{_LETTER}+{_BETWEEN}){{0,2}}(?:{'|'.join(WORDS['label'])}){_AFTER}"
)
"""Labels beside what is shown."""
_NAME = r"(?P<name>[^/\\?#]+)(?:[?#].*)?$"
_PICTURE = r"(?i)\.(?:jpe?g|png|tiff?|gif|svg|webp)$"
_PRINT = r"(?i)(?P<word>flickr\.com/photos/biodivlibrary|biodiversitylibrary\.org/page|archive\.org/stream)/"
"""Where pages of print are shown; of some the words stand only in the address."""
_FILES: Mapping[str, str] = MappingProxyType({"media_url": "file", "media_path": "file", "source_page": "page"})


def subject_words(columns: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Return the words of every medium and where they stood, such as 'title: illustration'; null without any.

    `columns`: those of `STATED`, and `media_url`, `media_path` and `source_page` of a record; any may be absent. The
    first that holds such a word speaks for the medium. A page counts where its name is that of a picture.
    """
    found = pa.nulls(rows, pa.string())
    for name, longest in STATED.items():
        if name in columns:
            texts = whole(columns[name])
            texts = pc.if_else(pc.less_equal(pc.utf8_length(texts), longest), texts, None)
            found = _more(found, texts, name, _TERM if name.startswith("sub") else _WORD)
    for name, said in _FILES.items():
        # Few addresses hold any such word, so that their last parts are taken of those alone.
        if name in columns:
            found = _more(found, whole(columns[name]), said, _WORD, last=True, pictures=said == "page")
            found = _more(found, whole(columns[name]), said, _PRINT)
    return found


def _more(
    found: pa.Array, texts: pa.Array, said: str, pattern: str, last: bool = False, pictures: bool = False
) -> pa.Array:
    """Return `found` with the words of texts where it has none; `last`: only what follows the last slash counts."""
    if texts.null_count == len(texts):
        return found
    some = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    places = np.flatnonzero(np.asarray(pc.and_(some, pc.is_null(found))))
    if not len(places):
        return found
    held = texts.take(pa.array(places))
    if last:
        held = pc.struct_field(pc.extract_regex(held, _NAME), "name")
    if pictures:
        held = pc.if_else(pc.match_substring_regex(held, _PICTURE), held, None)
    held = pc.replace_substring_regex(held, _BESIDE, " ")
    words = pc.utf8_lower(pc.struct_field(pc.extract_regex(held, pattern), "word"))
    told = pc.binary_join_element_wise(said + ": ", words, "")
    mask = np.zeros(len(found), np.bool_)
    mask[places] = True
    return pc.replace_with_mask(found, pa.array(mask), told)
