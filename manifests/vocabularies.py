"""Closed lists of words that a choice of records may use: countries, bases of record, ranks."""

from __future__ import annotations

_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK XZ ZZ"
)
COUNTRIES = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2, and what GBIF writes beside it: XK (Kosovo), XZ (international waters), ZZ (unknown)."""
COUNTRIES_MEANT = {
    "UK": "GB",
    "EN": "GB",
    "EL": "GR",
    "SP": "ES",
    "SW": "SE",
    "JA": "JP",
    "KO": "KR",
    "DA": "DK",
    "USA": "US",
    "GBR": "GB",
    "DEU": "DE",
    "GER": "DE",
    "FRA": "FR",
    "AUS": "AU",
    "CAN": "CA",
    "NZL": "NZ",
    "ESP": "ES",
    "ITA": "IT",
    "BRA": "BR",
    "MEX": "MX",
    "ZAF": "ZA",
    "IND": "IN",
    "CHN": "CN",
    "JPN": "JP",
    "GERMANY": "DE",
    "FRANCE": "FR",
    "SPAIN": "ES",
    "ITALY": "IT",
    "ENGLAND": "GB",
    "UNITED KINGDOM": "GB",
    "UNITED STATES": "US",
    "AUSTRALIA": "AU",
    "CANADA": "CA",
    "NEW ZEALAND": "NZ",
    "BRAZIL": "BR",
    "MEXICO": "MX",
    "SOUTH AFRICA": "ZA",
    "INDIA": "IN",
    "CHINA": "CN",
    "JAPAN": "JP",
    "COSTA RICA": "CR",
}
"""Codes and names that people write for a country, and its code."""
BASES = (
    *("HUMAN_OBSERVATION", "MACHINE_OBSERVATION", "OBSERVATION", "PRESERVED_SPECIMEN", "LIVING_SPECIMEN"),
    *("FOSSIL_SPECIMEN", "MATERIAL_SAMPLE", "MATERIAL_ENTITY", "MATERIAL_CITATION", "OCCURRENCE", "EVENT", "TAXON"),
    *("ORGANISM", "UNKNOWN"),
)
"""dwc:basisOfRecord as GBIF writes it; 'HumanObservation' of a record is the same."""
TAXON_RANKS = (
    *("domain", "realm", "subrealm", "superkingdom", "kingdom", "subkingdom", "infrakingdom", "superphylum", "phylum"),
    *("subphylum", "infraphylum", "parvphylum", "megaclass", "superclass", "class", "subclass", "infraclass"),
    *("parvclass", "subterclass", "cohort", "subcohort", "magnorder", "superorder", "grandorder", "order", "suborder"),
    *("infraorder", "parvorder", "superfamily", "epifamily", "family", "subfamily", "infrafamily", "supertribe"),
    *("tribe", "subtribe", "infratribe", "genus", "subgenus", "infragenus", "supersection", "section", "subsection"),
    *("superseries", "series", "subseries", "species aggregate", "species", "subspecies", "infraspecific", "variety"),
    *("subvariety", "form", "subform", "cultivar", "strain", "unranked"),
)
"""Ranks that an accepted taxon may have, from the root down: the vocabulary of the taxonomies."""
