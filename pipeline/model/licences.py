"""Licences: from what people wrote to one id, family and version.

The rules read, in this order: a Creative Commons URL (its path segments, never a prefix), codes such as `CC BY-SA-NC`
in any order, the licence spelled out, public domain, all rights reserved. What names no licence is UNKNOWN, never
something permissive; what names two different ones is AMBIGUOUS. Ids follow the SPDX licence list
(https://spdx.org/licenses/), versions those that Creative Commons ever published.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

OPENNESS = {
    family: place
    for place, families in enumerate(
        (
            ("CC0", "PD", "PDM"),
            ("CC-BY", "CDLA-Permissive"),
            ("CC-BY-SA",),
            ("CC-BY-NC",),
            ("CC-BY-NC-SA",),
            ("CC-BY-ND",),
            ("CC-BY-NC-ND",),
        )
    )
    for family in families
}
"""Place of a licence family from the most open to the least: of two equal images the more open one is kept."""
VERSIONS = frozenset({"1.0", "2.0", "2.1", "2.5", "3.0", "4.0"})
UNDERSTOOD_NOT = frozenset({"UNKNOWN", "UNSPECIFIED", "AMBIGUOUS"})
_PD_CLAIMED = "public domain claimed, no instrument"
_JURISDICTIONS = frozenset(
    re.findall(
        r"\S+",
        "am ar at au az be bg br ca ch cl cn co cr cz de dk ec ee eg es fi fr ge gr gt hk hr hu ie igo il in it jp kr "
        "lu mk mt mx my nl no nz pe ph pl pr pt ro rs scotland se sg si th tw ua ug uk us ve vn za",
    )
)
_COUNTRIES = {
    "australia": "au", "austria": "at", "brazil": "br", "canada": "ca", "france": "fr", "germany": "de",
    "deutschland": "de", "italy": "it", "japan": "jp", "netherlands": "nl", "new zealand": "nz", "norway": "no",
    "spain": "es", "sweden": "se", "switzerland": "ch", "united kingdom": "uk", "united states": "us",
}  # fmt: skip

_URL = re.compile(r"creativecommons\.org/(licen[sc]es|publicdomain|share-your-work)/([^\s\"'<>\])(,;]*)")
_CODE = re.compile(
    r"(?:(?<![a-z])(cc|creative ?commons)(?: licen[sc]e)?[\s\-_.:(\[]*|^[\s(\[]*|licenseref-cc-)"
    r"((?:by|nc|nd|sa)(?:[\s\-_/]*(?:by|nc|nd|sa))*)(?![a-z])"
)
_ZERO = re.compile(r"(?<![a-z0-9])(?:cc|creative ?commons)[\s\-_]*(?:0|zero)(?![0-9a-z.])")
_WORDS = re.compile(
    r"attribution(?:[\s\-_,]*(?:and|non[\s\-_]*commercial|no[\s\-_]*deriv(?:ative|ativ|s|atives)?(?:[\s\-_]*works?)?"
    r"|share[\s\-_]*alike)(?![a-z]))*"
)
_NEGATED = re.compile(
    r"(?<![a-z])(?:not|no longer|non) (?:yet )?(?:in |under |licen[sc]ed )?(?:the |a )?(?:public|cc|creative)"
)
_PUBLIC_DOMAIN = re.compile(r"public[\s\-_]*domain|(?<![a-z])no rights reserved|^[\s(\[]*pd[\s)\].]*$|^licenseref-pd$")
_RESERVED = re.compile(
    r"(?<!no )(?<!some )(?<!certain )rights? reserved|^(?:©|copyright|\(c\)|licenseref-arr|arr|in copyright)$"
)
_IN_COPYRIGHT = re.compile(r"rightsstatements\.org/(?:vocab|page)/inc[/\-]")
_VERSION = re.compile(r"[\s\-_/()\]]*(?:licen[sc]e)?[\s\-_(]*(?:version|v\.?)?[\s\-_]*(\d+(?:[._]\d+)+|[1-4](?![\d.]))")
_CDLA = re.compile(
    r"(?:licenseref-)?cdla[\s\-]+permissive(?:[\s\-]+v?([12])(?:\.0)?)?|cdla\.(?:dev|io)/permissive-([12])-0/?"
)
_RESTRICTION = re.compile(r"(?<![a-z])(?:non?[\s\-_]*commercial|not[\s\-]for[\s\-]profit|no[\s\-_]*deriv)")
_TERMS_URL = re.compile(r"^https?://\S+$")


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence, understood: `nc`, `nd`, `sa` are None when it is not known what is allowed."""

    id: str = ""
    """SPDX id; empty when the family has none or the version is not stated."""
    family: str = "UNKNOWN"
    """CC0, PDM, PD, CC-BY, CC-BY-SA, CC-BY-NC, ..., CDLA-Permissive, ARR (all rights reserved), UNKNOWN, ..."""
    version: str = ""
    jurisdiction: str = ""
    nc: bool | None = None
    """Commercial use is not allowed."""
    nd: bool | None = None
    """Changed copies may not be passed on."""
    sa: bool | None = None
    """Changed copies must carry the same licence."""
    flag: str = ""
    """What was odd about the statement."""

    @property
    def known(self) -> bool:
        """Whether a family was understood."""
        return self.family not in UNDERSTOOD_NOT

    @property
    def reference(self) -> str:
        """The SPDX id, else `LicenseRef-` and the family; empty when the licence is not known."""
        return self.id or (f"LicenseRef-{self.family}" if self.known else "")

    @property
    def may_share(self) -> bool | None:
        """Whether resized and cropped copies, which is what shards hold, may be passed on; None when not known.

        >>> normalise_licence("CC BY-NC 4.0").may_share, normalise_licence("CC BY-NC-ND 4.0").may_share
        (True, False)
        """
        return not self.nd if self.known else None

    @property
    def may_change(self) -> bool | None:
        """Whether changed copies may be made for one's own use, such as local training; None when not known.

        Since version 4.0 the NoDerivatives licences allow to produce, but not to share, adapted material (CC BY-ND
        4.0, section 2(a)(1)); earlier versions and reserved rights do not.

        >>> normalise_licence("CC BY-ND 4.0").may_change, normalise_licence("CC BY-ND 3.0").may_change
        (True, False)
        """
        if not self.known:
            return None
        return not self.nd or (self.family != "ARR" and self.version == "4.0")

    @property
    def may_sell(self) -> bool | None:
        """Whether copies may be used commercially; None when not known.

        >>> normalise_licence("CC BY-SA 4.0").may_sell, normalise_licence("J. A. Cooper").may_sell
        (True, None)
        """
        return not self.nc if self.known else None


def normalise_licence(raw: str | None, default_version: str = "") -> Licence:
    """Return the licence that a statement names.

    `default_version` is what a Creative Commons code without a version means to its provider: iNaturalist's `cc-by-nc`
    is 4.0 by its terms of use, everybody else's is of no known version. The result does not depend on case, and an id
    or reference of a result normalises to the same id and family.

    >>> normalise_licence("http://creativecommons.org/licenses/by-nc/4.0/").id
    'CC-BY-NC-4.0'
    >>> normalise_licence("Creative Commons BY-SA-NC 3.0 license").family
    'CC-BY-NC-SA'
    >>> normalise_licence("CC-BY").id, normalise_licence("CC-BY", "4.0").id
    ('', 'CC-BY-4.0')
    >>> normalise_licence("J. A. Cooper").family
    'UNKNOWN'
    """
    return _normalise((raw or "").strip()[:4000], default_version)


@lru_cache(maxsize=65536)
def _normalise(raw: str, default_version: str) -> Licence:
    # Upper case first: it is the only fold that gives the same text for a string and its upper-cased twin.
    text = unicodedata.normalize("NFKC", raw.upper()).casefold()
    text = re.sub(r"<9[67]>|[\u2010-\u2015\u2212\u0096\u0097\ufffd]", "-", text)
    text = re.sub(r"\s+", " ", text).strip(" \"'\u201c\u201d")
    if not text or text in ("unspecified", "null", "none", "n/a", "not provided"):
        return Licence(family="UNSPECIFIED")
    spaced = re.sub(r"(?<=[a-z0-9])_(?=[a-z0-9])", "-", text)
    named = _named_by_url(text) or _named_by_code(spaced) or _named_by_words(spaced)
    if named and not _NEGATED.search(text):
        if len({family for family, _, _ in named}) > 1:
            return Licence(family="AMBIGUOUS", flag="several licences named")
        if not re.search("-N[CD]", named[0][0]) and _RESTRICTION.search(spaced):
            return Licence(family="AMBIGUOUS", flag="a restriction that the licence does not have")
        return _decide(named, default_version)
    cdla = _CDLA.fullmatch(re.sub(r"^https?://(?:www\.)?", "", spaced))
    if cdla:
        version = cdla[1] or cdla[2] or ""
        identifier = f"CDLA-Permissive-{version}.0" if version else ""
        return Licence(identifier, "CDLA-Permissive", f"{version}.0" if version else "", "", False, False, False)
    if _NEGATED.search(text):
        return Licence(flag="terms URL" if _TERMS_URL.match(text) else "free text")
    if _PUBLIC_DOMAIN.search(text):
        if _RESTRICTION.search(spaced):
            return Licence(family="AMBIGUOUS", flag="public domain with a restriction")
        return Licence(family="PD", nc=False, nd=False, sa=False, flag=_PD_CLAIMED)
    if _RESERVED.search(text) or _IN_COPYRIGHT.search(text):
        return Licence(family="ARR", nc=True, nd=True, sa=False)
    return Licence(flag="terms URL" if _TERMS_URL.match(text) else "free text")


_Named = tuple[str, str, str]  # family, version as written, jurisdiction


def _family(tokens: list[str]) -> str:
    """Return the family of a set of codes in any order; empty when Creative Commons has no such licence."""
    found = set(tokens)
    if "by" not in found or {"nd", "sa"} <= found:
        return ""
    return "CC-BY" + "".join(f"-{code.upper()}" for code in ("nc", "nd", "sa") if code in found)


def _named_by_url(text: str) -> list[_Named]:
    named: list[_Named] = []
    for match in _URL.finditer(text):
        parts = [part for part in re.split(r"[/?#]", match[2].rstrip(".")) if part]
        code, rest = (parts[0], parts[1:]) if parts else ("", [])
        if match[1] == "share-your-work":
            code, rest = ("zero", []) if "cc0" in parts else ("", [])
        elif match[1] == "publicdomain" and code == "mark":
            named.append(("PDM", "1.0", ""))
            continue
        elif match[1] != "publicdomain" and code == "publicdomain":
            named.append(("PDDC", "", ""))
            continue
        if code in ("zero", "cc0"):
            named.append(("CC0", "1.0", ""))
            continue
        family = _family(code.split("-")) if re.fullmatch(r"(?:by|nc|nd|sa)(?:-(?:by|nc|nd|sa))*", code) else ""
        if family:
            version = rest[0] if rest and re.match(r"\d", rest[0]) else ""
            place = rest[1].split(":")[-1] if version and len(rest) > 1 else ""
            named.append((family, version, place if place in _JURISDICTIONS else ""))
    return named


def _named_by_code(text: str) -> list[_Named]:
    named: list[_Named] = [("CC0", "1.0", "") for _ in _ZERO.finditer(text)]
    if re.search(r"(?<![a-z0-9])cc-pdm(?![a-z])", text):
        named.append(("PDM", "1.0", ""))
    if re.search(r"(?<![a-z0-9])cc-pddc(?![a-z])", text):
        named.append(("PDDC", "", ""))
    for match in _CODE.finditer(text):
        tokens = re.findall(r"by|nc|nd|sa", match[2])
        rest = text[match.end() :]
        version, place = _version_after(rest)
        # A lone "by" is a code after "cc"; elsewhere it is mostly the English word, as in "Creative Commons by J. Doe".
        if tokens == ["by"] and match[1] != "cc" and not (version or re.match(r"[\s)\].,;]*$|[)\]]", rest)):
            continue
        family = _family(tokens)
        if family:
            named.append((family, version, place))
        elif {"nd", "sa"} <= set(tokens):
            named += [("CC-BY-ND", version, place), ("CC-BY-SA", version, place)]
    return named


def _named_by_words(text: str) -> list[_Named]:
    if not re.search(r"creative ?commons|(?<![a-z])cc(?![a-z])|^attribution", text):
        return []
    named: list[_Named] = []
    for match in _WORDS.finditer(text):
        words = match[0]
        tokens = ["by"]
        tokens += ["nc"] if re.search(r"non[\s\-_]*commercial", words) else []
        tokens += ["nd"] if "deriv" in words else []
        tokens += ["sa"] if "share" in words else []
        version, place = _version_after(text[match.end() :])
        named.append((_family(tokens) or "CC-BY-ND-SA", version, place))
    return named


def _version_after(rest: str) -> tuple[str, str]:
    """Return the version and jurisdiction that follow a licence's name directly."""
    place = ""
    country = re.match(rf"[\s\-_,(]*({'|'.join(_COUNTRIES)})(?![a-z])", rest)
    if country:
        place, rest = _COUNTRIES[country[1]], rest[country.end() :]
    rest = re.sub(r"^[\s\-_]*(?:international|unported|generic)", "", rest)
    match = _VERSION.match(rest)
    if not match:
        return "", ""
    after = rest[match.end() :]
    short = re.match(r"[\s\-_]+([a-z]+)(?=\s*(?:$|[/,;.)\]]))", after)
    if not place and short and short[1] in _JURISDICTIONS:
        place = short[1]
    long = re.match(rf"[\s\-_,(]*({'|'.join(_COUNTRIES)})(?![a-z])", after)
    if not place and long:
        place = _COUNTRIES[long[1]]
    return match[1].replace("_", "."), place


def _decide(named: list[_Named], default_version: str) -> Licence:
    family = named[0][0]
    place = next((place for _, _, place in named if place), "").upper()
    if family == "CC0":
        return Licence("CC0-1.0", "CC0", "1.0", "", False, False, False)
    if family == "PDM":
        return Licence("CC-PDM-1.0", "PDM", "1.0", "", False, False, False)
    if family == "PDDC":
        return Licence("CC-PDDC", "PD", "", "", False, False, False)
    if family == "CC-BY-ND-SA":
        return Licence(family="AMBIGUOUS", flag="no derivatives and share alike")
    versions = list(dict.fromkeys(f"{v}.0" if v.isdigit() else v for _, v, _ in named if v))
    bad = next((version for version in versions if version not in VERSIONS), "")
    flag = f"bad_version:{bad}" if bad else "several versions named" if len(versions) > 1 else ""
    version = "" if flag else versions[0] if versions else default_version
    return Licence(
        id=f"{family}-{version}" if version else "",
        family=family,
        version=version,
        jurisdiction=place,
        nc="-NC" in family,
        nd="-ND" in family,
        sa="-SA" in family,
        flag=flag,
    )
