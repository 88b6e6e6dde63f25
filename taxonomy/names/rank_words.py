"""What people write for ranks: abbreviations, Latin, other languages, hybrids' and databases' forms.

A word is taken apart into a prefix ('sub', 'unter', 'sous', 'notho') and a stem ('fam', 'familia', 'familie'), so that
the list holds stems, not their combinations. Zoologists' sections and series, which stand above families, cannot be
told from botanists' without the code and are read as the botanical ranks.
"""

from __future__ import annotations

import re
import unicodedata

_STEMS: dict[str, str] = {
    "domain": "domain dom dominium dominio domaine domane empire imperium imperio",
    "realm": "realm",
    "kingdom": "kingdom king kd k reg regn regnum reino royaume regne reich regno rijk rike krolestwo царство 界",
    "phylum": "phylum phyl phy ph p div divisio division divisao embranchement embr filo stamm abteilung abt stam fylum"
    " phylumdivision divisione тип отдел 门 門",
    "class": "class cl cla clas classis classe clase klasse kl klass klasa klassis класс 纲 綱",
    "cohort": "cohort cohors coh",
    "order": "order ord or ordo orden ordem ordre ordnung ordine orde ordning rzad отряд порядок 目",
    "family": "family fam fami familia familie famille famiglia familj rodzina семейство 科",
    "tribe": "tribe trib tr tribus tribu tribo stammgruppe триба 族",
    "genus": "genus gen g gn gat gattung genero genre genere geslacht slakte släkte rodzaj род 属 屬 genera gennus",
    "section": "section sect sec sectio seccion secao sektion sezione секция 组",
    "series": "series ser serie reihe",
    "species": "species sp spec spp spe s specie especie espece art soort gatunek вид 种 種 sps es",
    "subspecies": "ssp ss sspp sbsp subesp unterart ras underart rasse подвид 亚种 亞種",
    "variety": "variety var v vari varietas variedad variedade variete varietat varietà varieta varietet odmiana 变种",
    "form": "form f fo forma fma for forme formae morph форма 变型",
    "cultivar": "cultivar cv cultivargroup culton sorte kultivar",
    "strain": "strain str isolate serotype serovar biovar pathovar pv bv morphovar chemovar phagovar biotype",
    "infraspecific": "infraspecific infrasp infraspecies infraspecificname infraspecifictaxon infrasubspecific"
    " infrasubspecificname intraspecific intraspecificname tinfr infr natio nat proles prol lusus aberration aberratio"
    " ab aber race mutatio mut formaspecialis fsp klepton stirps convar convariety monstr ecotype",
    "subgenus": "infragenericname infrageneric infragenerictaxon infragen tinfgen sbg sg",
    "species aggregate": "agg aggr aggregate agglom aggregat complex speciesaggregate speciescomplex speciesgroup group"
    " grex superspecies artengruppe sammelart speciessubgroup collectivespecies grp speciesagg speciesaggr"
    " especiecomplejo speciesflock",
    "unranked": "unranked norank clade node other taxon none unknown undefined null na root branch suprageneric"
    " supragenericname highertaxon sublineage group indet uncertain incertaesedis na nicht unspecified stemgroup"
    " crowngroup specieshypothesis otu bin informal nothotaxon hybridformula",
}
_PREFIXES: dict[str, str] = {
    "sub": "sub sous unter onder under subter sb под 亚 亞",
    "super": "super supra uber ueber over supér hyper sur над 总 總 超",
    "infra": "infra inf инфра 下",
    "parv": "parv parvo micro",
    "mega": "mega giga",
    "magn": "magn magno mir grand",
    "notho": "notho noto hybrid x ×",
}
_NAMES = {
    "subkingdom", "infrakingdom", "superkingdom", "superphylum", "subphylum", "infraphylum", "parvphylum", "megaclass",
    "superclass", "subclass", "infraclass", "parvclass", "subterclass", "subcohort", "magnorder", "superorder",
    "suborder", "infraorder", "parvorder", "superfamily", "subfamily", "infrafamily", "supertribe", "subtribe",
    "infratribe", "subgenus", "infragenus", "supersection", "subsection", "superseries", "subseries", "subspecies",
    "subvariety", "subform", "subrealm",
}  # fmt: skip
_LETTERS = re.compile(r"[^a-z\u0400-\u04ff\u4e00-\u9fff×]+")
_SPECIAL = {
    "genushybrid": "genus", "hybrid": "species", "specieshybrid": "species", "subspecieshybrid": "subspecies",
    "grandorder": "grandorder", "superspecies": "species aggregate", "epifamily": "epifamily", "subter": "subterclass",
    "superdomain": "domain", "subdomain": "domain", "infraspecies": "infraspecific", "microspecies": "species",
    "subspeciesaggregate": "infraspecific", "subclade": "unranked", "superform": "form", "supervariety": "variety",
}  # fmt: skip


def _words() -> dict[str, str]:
    known: dict[str, str] = {}
    for rank, words in _STEMS.items():
        for word in words.split():
            known.setdefault(_bare(word), rank)
    return known


def plain_rank(verbatim: str) -> str:
    """Return a verbatim rank in lower case, without marks and with single blanks for whatever is no letter.

    >>> plain_rank("  SPECIES_AGGREGATE."), plain_rank("sous-espèce")
    ('species aggregate', 'sous espece')
    """
    folded = unicodedata.normalize("NFKD", verbatim[:64].casefold())
    # Cyrillic й is put together again: its breve is no accent.
    text = unicodedata.normalize("NFC", "".join(c for c in folded if not "\u0300" <= c <= "\u036f" or c == "\u0306"))
    return _LETTERS.sub(" ", text).strip()


def _bare(word: str) -> str:
    return plain_rank(word).replace(" ", "")


_KNOWN = _words()
_BEFORE = sorted(
    ((_bare(word), prefix) for prefix, words in _PREFIXES.items() for word in words.split() if _bare(word)),
    key=lambda pair: (-len(pair[0]), pair[0]),
)


def read_rank(plain: str) -> str | None:
    """Return the rank that a plain word (see `plain_rank`) means, or None.

    >>> [read_rank(word) for word in ("supersect", "unter familie", "nothovar", "sous espece", "fsp", "banana")]
    ['supersection', 'subfamily', 'variety', 'subspecies', 'infraspecific', None]
    """
    word = plain.replace(" ", "")
    for ending in ("", "rank", "unranked", "clade", "botany"):
        stem = word.removesuffix(ending) if ending else word
        found = _SPECIAL.get(stem) or _KNOWN.get(stem) or _combined(stem)
        if stem and found:
            return found
    return None


def _combined(word: str) -> str | None:
    if word in _NAMES:
        return word
    for before, prefix in _BEFORE:
        stem = word.removeprefix(before)
        if stem == word or not stem:
            continue
        if prefix == "notho":
            rank = _SPECIAL.get(stem) or _KNOWN.get(stem) or _combined(stem)
            if rank and (len(stem) > 1 or before == "notho"):
                return rank
        else:
            base = _KNOWN.get(stem)
            if base and prefix + base in _NAMES:
                return prefix + base
    return None
