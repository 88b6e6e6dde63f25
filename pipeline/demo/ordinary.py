"""The ordinary part of the corpus: sound pictures with sound labels, which must all be kept.

It is not free of the field's oddities: synonyms, homonyms that the classification decides, names at genus rank,
licences inherited from the record, several photographs of one individual, and every image format that the pipeline
reads.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from pipeline.demo import fathomnet, gbif
from pipeline.demo.bioscan import SIDE
from pipeline.demo.draft import Draft, area
from pipeline.demo.draw import jpeg
from pipeline.demo.species import INSECTS, LAND, MARINE, OTHERS, PLANTS, SNAIL, SPECIES, Naming
from pipeline.demo.truth import Claim

GBIF_FAMILIES = ("CC-BY-NC", "CC-BY", "CC0", "CC-BY-NC", "CC-BY-SA", "CC-BY-NC-SA")
EOL_FAMILIES = ("CC-BY", "CC-BY-SA", "PD", "CC-BY-NC", "CC-BY-NC-SA")
SPLITS = ("train", "train", "val", "test", "other_heldout", "key_unseen")


def add_ordinary(draft: Draft) -> None:
    """Add the ordinary rows of all four sources."""
    _gbif(draft)
    _eol(draft)
    _bioscan(draft)
    _fathomnet(draft)


def _gbif(draft: Draft) -> None:
    for number, key in enumerate((*SPECIES, *SPECIES)):
        _photo(draft, draft.species[key].named(), GBIF_FAMILIES[number % len(GBIF_FAMILIES)])
    for number, key in enumerate(("Puma concolor", "Cyanistes caeruleus", "Rhinella marina", "Zamenis longissimus")):
        species = draft.species[key]
        _photo(draft, species.as_synonym(number % len(species.synonyms)), "CC-BY", "synonym")
    for key in ("Morus bassanus", "Morus alba", "Oenanthe oenanthe", "Oenanthe crocata", "Prunella vulgaris"):
        _photo(draft, draft.species[key].as_rank("genus"), "CC0", "homonym genus, decided by the classification")
    for key in (SNAIL, "Plantae/Ficus variegata"):
        _photo(draft, draft.species[key].named(), "CC-BY", "homonym species, decided by the classification")
    for key in ("Quercus robur", "Apis mellifera"):
        _photo(draft, draft.species[key].as_rank("genus"), "CC-BY-NC", "genus")
    for number, key in enumerate(("Lynx lynx", "Bufo bufo", "Parus major", "Pinus sylvestris")):
        # The media row states no licence: the record's applies.
        family = ("CC-BY", "CC0", "CC-BY-NC", "CC-BY")[number]
        naming, image = draft.species[key].named(), draft.draw(draft.species[key])
        gbif_id = draft.gbif.occurrence(naming, licence=gbif.RECORD_LICENCES[family])
        row_id = draft.gbif.medium(gbif_id, draft.host(jpeg(image)))
        draft.truth.keep(Claim(row_id, gbif.SOURCE, True, family, area(image)), "licence of the record")
    for key in ("Panthera leo", "Fucus vesiculosus"):
        gbif_id = draft.gbif.occurrence(draft.species[key].named())
        for _ in range(3):
            image = draft.draw(draft.species[key])
            row_id = draft.gbif.medium(gbif_id, draft.host(jpeg(image)), licence=gbif.LICENCES["CC-BY"])
            draft.truth.keep(Claim(row_id, gbif.SOURCE, True, "CC-BY", area(image)), "several media of one record")
    for key, pixels, suffix, mime, data in _formats(draft):
        claim = draft.gbif.photo(draft.species[key].named(), draft.host(data, suffix), "CC-BY", pixels, mime=mime)
        draft.truth.keep(claim, f"format {mime}")


def _photo(draft: Draft, naming: Naming, family: str, note: str = "") -> None:
    image = draft.draw(draft.species[naming.key])
    draft.truth.keep(draft.gbif.photo(naming, draft.host(jpeg(image)), family, area(image)), note)


def _formats(draft: Draft) -> Sequence[tuple[str, int, str, str, bytes]]:
    """Draw one picture per further format: (species, pixels, suffix, MIME type, bytes)."""
    keys = ("Vulpes vulpes", "Rana temporaria", "Passer domesticus", "Natrix natrix", "Canis lupus")
    pictures = [draft.draw(draft.species[key]) for key in keys]
    png, webp, grey, cmyk, turned = (io.BytesIO() for _ in range(5))
    pictures[0].save(png, "PNG")
    pictures[1].save(webp, "WEBP", quality=90)
    pictures[2].convert("L").save(grey, "JPEG", quality=88)
    pictures[3].convert("CMYK").save(cmyk, "JPEG", quality=88)
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures[4].save(turned, "JPEG", quality=88, exif=exif)
    kinds = ((".png", "image/png"), (".webp", "image/webp"), *((".jpg", "image/jpeg"),) * 3)
    buffers = (png, webp, grey, cmyk, turned)
    return [
        (key, area(picture), suffix, mime, buffer.getvalue())
        for key, picture, (suffix, mime), buffer in zip(keys, pictures, kinds, buffers, strict=True)
    ]


def _eol(draft: Draft) -> None:
    keys = (*LAND, *INSECTS, *PLANTS, *OTHERS, *MARINE[:5])
    for number, key in enumerate(keys):
        _page_photo(draft, draft.species[key].named(), EOL_FAMILIES[number % len(EOL_FAMILIES)])
    for key in ("Cyanistes caeruleus", "Puma concolor", "Zamenis longissimus"):
        _page_photo(draft, draft.species[key].as_synonym(), "CC-BY", "page named by a synonym")
    for key in ("Vanessa atalanta", "Prunella modularis"):
        _page_photo(draft, draft.species[key].as_rank("genus"), "CC-BY-SA", "page of a genus")


def _page_photo(draft: Draft, naming: Naming, family: str, note: str = "") -> None:
    image = draft.draw(draft.species[naming.key])
    draft.truth.keep(draft.eol.photo(naming, draft.host_eol(jpeg(image)), family, area(image)), note)


def _bioscan(draft: Draft) -> None:
    for number, key in enumerate(INSECTS * 4):
        data = jpeg(draft.draw(draft.species[key], (SIDE, SIDE)))
        draft.truth.keep(draft.bioscan.specimen(draft.species[key].named(), data, split=SPLITS[number % len(SPLITS)]))
    for key in INSECTS[3:7]:
        data = jpeg(draft.draw(draft.species[key], (SIDE, SIDE)))
        draft.truth.keep(draft.bioscan.specimen(draft.species[key].as_rank("genus"), data, split="pretrain"), "genus")
    for number, key in enumerate(("Drosophila melanogaster", "Musca domestica")):
        species = draft.species[key]
        data = jpeg(draft.draw(species, (SIDE, SIDE)))
        placeholder = f"{species.lineage[-2]} sp. GM{number + 1}"
        claim = draft.bioscan.specimen(species.as_rank("genus"), data, split="test_unseen", species=placeholder)
        draft.truth.keep(claim, "placeholder species, kept as its genus")


def _fathomnet(draft: Draft) -> None:
    for number in range(24):
        present = [draft.species[MARINE[(number + 2 * i) % len(MARINE)]] for i in range(1 + number % 4)]
        image, boxes = draft.draw_frame(present)
        data = jpeg(image, 92)
        frame = draft.fathomnet.frame(draft.host_frame(data), data)
        for species, box in zip(present, boxes, strict=True):
            draft.truth.keep(frame.box(species.name, box))
    for key, naming in (
        ("Scotoplanes globosa", draft.species["Scotoplanes globosa"].as_synonym()),
        ("Metridium farcimen", draft.species["Metridium farcimen"].as_synonym()),
        ("Octopus rubescens", draft.species["Octopus rubescens"].as_rank("genus")),
        ("Praya dubia", draft.species["Praya dubia"].as_rank("genus")),
    ):
        image, boxes = draft.draw_frame([draft.species[key]])
        data = jpeg(image, 92)
        frame = draft.fathomnet.frame(draft.host_frame(data), data)
        draft.truth.keep(frame.box(naming.canonical, boxes[0], specific=naming.specific), naming.rank)
    # Annotators draw past the border: the box is clipped, and the crop is kept.
    image, boxes = draft.draw_frame([draft.species["Aurelia aurita"]])
    data, (x, y, _, height) = jpeg(image, 92), boxes[0]
    frame = draft.fathomnet.frame(draft.host_frame(data), data)
    right = fathomnet.FRAME[0] + 3
    draft.truth.keep(frame.box("Aurelia aurita", (x, y, right - x, height)), "box a little over the border")
