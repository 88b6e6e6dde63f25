"""What an individual is: its sex and its life stage, in the terms of GBIF's vocabularies.

Terms: the vocabularies Sex and LifeStage of GBIF (https://registry.gbif.org/vocabulary/search), which Darwin Core names
for dwc:sex and dwc:lifeStage. Hermaphrodite, Spore, Gamete and Sporophyte are terms of the lists that GBIF had before
them. The labels are words that published records hold.
"""

from __future__ import annotations

from manifests.vocabularies.vocabulary import Vocabulary, without_count

_SEXES: dict[str, tuple[str, ...]] = {
    "Female": (
        *("f", "♀", "♀♀", "fem", "female", "females", "adult female", "queen", "female queen", "worker", "femelle"),
        *("femelles", "hembra", "hembras", "femenino", "femenina", "fêmea", "fêmeas", "weiblich", "weibchen"),
        *("vrouw", "vrouwelijk", "hona", "hunn", "hun", "femmina", "naaras", "samica", "samice", "nőstény"),
        *("female by gonads", "female female", "w"),
    ),
    "Male": (
        *("m", "♂", "♂♂", "male", "males", "adult male", "drone", "mâle", "mâles", "macho", "machos", "masculino"),
        *("masculina", "männlich", "männchen", "man", "mannelijk", "hane", "hann", "han", "mascle", "maschio"),
        *("koiras", "samiec", "samec", "hím", "male by gonads", "male male"),
    ),
    "Hermaphrodite": (
        *("⚥", "♂♀", "♀♂", "hermaphrodites", "hermaphroditic", "hermafrodita", "hermafroditas", "zwitter"),
        *("monoecious", "simultaneous hermaphrodite"),
    ),
    "Mixed": ("mixed sexes", "both", "both sexes", "m f", "f m", "male female", "female male", "males females"),
    "Indeterminate": (
        *("undetermined", "unknown", "unk", "u", "indet", "indéterminé", "indeterminado", "indeterminada"),
        *("no determinado", "desconocido", "desconegut", "not determined", "not recorded", "unsexed", "sex unknown"),
        *("sex undetermined", "unbestimmt", "unbekannt", "onbekend", "não informado", "not sexed", "undeterminable"),
        *("cannot be determined", "could not be determined", "sexe indéterminé", "unidentified", "unspecified"),
    ),
    "Other": ("gynandromorph", "gynandromorphic", "intersex", "bisexual", "hybrid"),
}
_LIFE_STAGES: dict[str, tuple[str, ...]] = {
    "Egg": (
        *("eggs", "ovum", "ova", "huevo", "huevos", "oeuf", "œuf", "œufs", "ei", "eier", "uovo", "ovo", "ägg"),
        "egg mass",
    ),
    "Zygote": ("zygotes", "cigoto"),
    "Embryo": ("embryos", "embryon", "embrión", "embryonic"),
    "Fetus": ("foetus", "fetuses", "fetal"),
    "Larva": (
        *("larvae", "larval", "larve", "larven", "larvas", "larv", "toukka", "grub", "maggot", "larval stage"),
        *("ammocoete", "leptocephalus", "planula", "trochophore", "larva instar", "metacercaria"),
    ),
    "Caterpillar": ("caterpillars", "raupe", "chenille", "oruga", "rups", "lagarta"),
    "Tadpole": ("tadpoles", "têtard", "renacuajo", "renacuajos", "kaulquappe", "kikkervisje", "girino"),
    "Eft": ("red eft",),
    "Nymph": ("nymphs", "nymphal", "nymphe", "ninfa", "ninfas", "naiad", "nymphen", "protonymph", "larva nymph"),
    "Deutonymph": ("deutonymphs",),
    "Nauplius": ("nauplii",),
    "Metanauplius": ("metanauplii",),
    "Zoea": ("zoeae", "zoeas"),
    "Megalopa": ("megalopae", "megalops"),
    "Cyprid": ("cyprids", "cypris"),
    "Furcilia": ("furciliae",),
    "Calyptopsis": ("calyptopis",),
    "Veliger": ("veligers",),
    "Cyst": ("cysts",),
    "Polyp": ("polyps",),
    "Medusa": ("medusae",),
    "Pupa": (
        *("pupae", "pupal", "puppe", "puppen", "chrysalis", "chrysalide", "crisálida", "cocoon", "pupal case"),
        "puparium",
    ),
    "Imago": ("imagos", "imagines", "imago adult", "fresh imago"),
    "Neonate": ("newborn", "neonato", "neonates", "natal"),
    "Hatchling": ("hatchlings",),
    "Nestling": ("nestlings", "pullus", "pulli", "pull"),
    "Chick": ("chicks", "pollo", "pollito"),
    "Fledgling": ("fledglings", "fledged"),
    "Juvenile": (
        *("juveniles", "juv", "j", "juvenil", "juveniel", "juvenal", "juvénile", "juveniler", "giovane", "young"),
        *("joven", "jovem", "infant", "calf", "cub", "pup", "fawn", "kitten", "piglet", "lamb", "foal", "duckling"),
        *("cría", "cria", "offspring", "fry", "fingerling", "parr", "smolt", "yearling", "juvenile male"),
        "juvenile female",
    ),
    "Immature": ("imm", "immatures", "immatur", "inmaduro", "immature male", "immature female"),
    "Subadult": (
        *("sub adult", "subadults", "subad", "sub ad", "subadulto", "subadulte", "subimago", "adolescent"),
        *("subadult male", "subadult female"),
    ),
    "Mature": ("maduro", "maturity"),
    "Adult": (
        *("adults", "ad", "a", "adulto", "adulta", "adultos", "adultas", "adulte", "adultes", "adulti", "volwassen"),
        *("vuxen", "voksen", "erwachsen", "adultus", "young adult", "old adult", "adult male", "adult female"),
        *("teneral", "adult breeding", "adult non breeding", "adult unsexed", "postmetamorfico", "gravid adult"),
        "breeding adult",
    ),
    "Spore": ("spores", "espora"),
    "Gamete": ("gametes",),
    "Gametophyte": ("gametophytes",),
    "Sporophyte": ("sporophytes",),
    "Seedling": ("seedlings", "sprouting", "plántula", "keimling", "sapling"),
    "Vegetative": ("vegetativo", "not flowering", "sterile", "leaves only"),
    "Flowering": (
        *("in flower", "flower", "flowers", "flower bud", "flower buds", "flor", "en fleur", "blühend", "in bloom"),
    ),
    "Fruiting": (
        *("in fruit", "fruit", "fruits", "fruto", "fruit bearing", "fruiting body", "fruchtend"),
        *("flowering and fruiting", "flowers and fruits", "flor y fruto", "fruiting bodies"),
    ),
    "Unknown": (
        *("undetermined", "unk", "u", "indeterminate", "indéterminé", "indeterminado", "desconocido", "not recorded"),
        *("not determined", "undefined", "unspecified", "no determinado", "não informado", "unbekannt", "onbekend"),
        *("life stage not recorded", "indet"),
    ),
}
_GBIF = "GBIF's vocabulary [{0}](https://registry.gbif.org/vocabulary/{0}/concepts)"
SEX = Vocabulary(
    "Sex",
    f"{_GBIF.format('Sex')}, and Hermaphrodite of the list that GBIF had before it",
    _SEXES,
    without_count,
    {frozenset({"Female", "Male"}): "Mixed"},
    doubted=True,
)
"""dwc:sex."""
LIFE_STAGE = Vocabulary(
    "Life stage",
    f"{_GBIF.format('LifeStage')}, and Spore, Gamete and Sporophyte of the list that GBIF had before it",
    _LIFE_STAGES,
    without_count,
    doubted=True,
)
"""dwc:lifeStage."""
