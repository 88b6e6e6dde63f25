"""Score the name parser on two published suites: `python -m tests.conformance.names`.

gnparser's cases state a canonical name and whether a string is a name at all; GBIF's golden file states the parts and
the type of name that GBIF's parser gives. The suites differ in conventions, among themselves and from this project:
both scores are printed as they are, and again with the conventions that are listed here laid aside.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from taxonomy import ParsedName, parse_name
from taxonomy.names.orthography import spell

DATA = Path(__file__).parents[2] / "../shared/data/taxonomy"
GNPARSER, GBIF = DATA / "gnparser/cases.jsonl", DATA / "gbif-name-parser/expected-parse.jsonl.gz"
_GLUED = re.compile(r"\nName: ")
_BLOCK = re.compile(r"\n\nCanonical:.*?```json\n(.*?)\n```", re.DOTALL)


@dataclass
class Score:
    """Hits of one measure, and the misses by kind with examples."""

    measure: str
    hits: int = 0
    cases: int = 0
    misses: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, hit: bool, kind: str = "", example: str = "") -> None:
        self.cases += 1
        self.hits += hit
        if not hit:
            self.misses[kind] += 1
            self.examples.setdefault(kind, []).append(example)

    @property
    def share(self) -> float:
        return self.hits / self.cases if self.cases else 0.0

    def lines(self, examples: int) -> Iterator[str]:
        yield f"{self.measure}: {self.hits} of {self.cases} ({100 * self.share:.1f} %)"
        for kind, count in sorted(self.misses.items(), key=lambda pair: (-pair[1], pair[0])):
            yield f"  {count:4d}  {kind}"
            yield from (f"          {example}" for example in self.examples[kind][:examples])


def unfold(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cases of one line: where several were run together, those before the last are strings not parsed."""
    *earlier, last = _GLUED.split(case["name"])
    for block in earlier:
        found = _BLOCK.search(block)
        if found:
            told = json.loads(found[1])
            yield {"name": told["verbatim"], "parsed": told["parsed"], "canonicals": None}
    yield {**case, "name": last}


def gnparser_form(parsed: ParsedName) -> str:
    """Return the canonical name as gnparser forms it.

    Formulas in full, all epithets of a long name, of a name with 'aff.' or 'nr.' only the genus.
    """
    if parsed.parents:
        return parsed.full.replace(" ?", "").strip()
    if parsed.kind == "informal" and parsed.qualifier in ("aff.", "nr.") and parsed.genus:
        return parsed.genus
    return parsed.full


def score_gnparser(path: Path = GNPARSER) -> list[Score]:
    """Return the scores on gnparser's cases: canonical name as it is and in its form, parsed or not parsed."""
    plain, formed = Score("gnparser, canonical as it is"), Score("gnparser, canonical in gnparser's form")
    told = Score("gnparser, parsed or not parsed")
    for line in path.read_text(encoding="utf-8").splitlines():
        for case in unfold(json.loads(line)):
            name, parsed = case["name"], parse_name(case["name"])
            says = f"says {'a name' if case['parsed'] else 'no name'}, given {parsed.kind}"
            told.add(case["parsed"] == parsed.is_name, says, name)
            if not case["canonicals"]:
                continue
            want = case["canonicals"]["simple"]
            example = f"{name!r}: expected {want!r}, given {parsed.canonical!r}"
            kind = disagreement(name, want, parsed)
            plain.add(want == parsed.canonical, kind, example)
            formed.add(want == gnparser_form(parsed), kind, example)
    return [plain, formed, told]


def disagreement(name: str, want: str, parsed: ParsedName) -> str:
    """Name the kind of a disagreement with gnparser."""
    words = _ascii(name.replace("_", " "))
    if want and not any(word[:3].lower() in words.lower() for word in _ascii(want).split()):
        return "the case's expectation is that of another string"
    if parsed.parents:
        return "hybrid formula: gnparser gives all parents, here the genus that they share ('full' has the parents)"
    if parsed.middle or len(want.split()) > 3:
        return "four or more parts: here genus, species and last epithet (ICN 24.1; 'full' has all)"
    if parsed.kind == "informal":
        return "open nomenclature: gnparser stops before 'aff.' and 'nr.'"
    if parsed.canonical.startswith(want):
        return "gnparser stops earlier in an odd string"
    if want.startswith(parsed.canonical):
        return "gnparser takes a word more: an epithet such as 'da' or 'mihi', read here as part of the author"
    return "other"


def golden_canonical(parts: dict[str, Any], coded: bool) -> str:
    """Return the canonical name of GBIF's parts, by dropping marks, or in the spelling of the codes (`coded`)."""
    words = [parts.get("uninomial") or parts.get("genus"), parts.get("specificEpithet")]
    words.append(parts.get("infraspecificEpithet"))
    if parts.get("infragenericEpithet") and not parts.get("specificEpithet"):
        words = [parts["infragenericEpithet"]]
    return " ".join(spell(word) if coded else _ascii(word) for word in words if word)


def _ascii(text: str) -> str:
    for letter, plain in (("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("ø", "o")):
        text = text.replace(letter, plain)
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def score_gbif(path: Path = GBIF) -> list[Score]:
    """Return the scores on GBIF's golden file: canonical name as spelt and as the codes spell it, and type."""
    plain, coded = (
        Score("GBIF golden, canonical, marks dropped"),
        Score("GBIF golden, canonical, spelt as the codes ask"),
    )
    types = Score("GBIF golden, type")
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        case = json.loads(line)
        parsed, golden = parse_name(case["input"]), case.get("parsed")
        kind = golden["type"] if golden else case["error"]["type"]
        types.add(kind == parsed.name_type, f"{kind} expected, {parsed.name_type} given", case["input"])
        if golden:
            for score, by_code in ((plain, False), (coded, True)):
                want = golden_canonical(golden, by_code)
                example = f"{case['input']!r}: expected {want!r}, given {parsed.canonical!r}"
                score.add(want == parsed.canonical, golden_disagreement(want, golden, parsed), example)
    return [plain, coded, types]


def golden_disagreement(want: str, golden: dict[str, Any], parsed: ParsedName) -> str:
    """Name the kind of a disagreement with GBIF's golden file."""
    if golden_canonical(golden, coded=True) == parsed.canonical:
        return "umlaut, apostrophe, numeral or hyphen, which the codes spell out"
    if not parsed.canonical:
        return "here no name: a placeholder, vernacular name or organism label"
    if len(parsed.canonical.split()) > len(want.split()):
        return "an epithet that the golden file leaves out (the parser of today reads it)"
    if parsed.kind == "informal":
        return "open nomenclature: the golden file takes the marker for an epithet"
    return "other"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--gnparser", type=Path, default=GNPARSER, help="cases.jsonl")
    parser.add_argument("--gbif", type=Path, default=GBIF, help="expected-parse.jsonl.gz")
    parser.add_argument("--examples", type=int, default=0, help="examples of every kind of disagreement")
    args = parser.parse_args()
    for path, measure in ((args.gnparser, score_gnparser), (args.gbif, score_gbif)):
        if not path.is_file():
            print(f"{path.name} is not here: left out")
            continue
        for score in measure(path):
            print("\n".join(score.lines(args.examples)))


if __name__ == "__main__":
    main()
