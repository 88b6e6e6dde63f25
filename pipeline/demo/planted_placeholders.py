"""Plants of hosts that answer 200 with a picture of their own, and of pictures that honestly have many addresses."""

from __future__ import annotations

from PIL import Image, ImageDraw

from pipeline.demo.draft import Draft, area
from pipeline.demo.draw import jpeg
from pipeline.demo.web import Behaviour
from pipeline.model.outcomes import Outcome

_LOST = ("Puma concolor", "Panthera leo", "Lynx lynx", "Canis lupus", "Vulpes vulpes", "Bufo bufo")
_MOVED = ("Morus alba", "Quercus robur", "Pinus sylvestris", "Ficus carica", "Prunella vulgaris")
_COPIED = ("Natrix natrix", "Zamenis longissimus", "Rana temporaria", "Parus major")
_PLATE = ("Musca domestica", "Apis mellifera", "Formica rufa", "Aedes aegypti", "Danaus plexippus")
_PAGE = "https://www.inaturalist.org/photos/{}"


def add_placeholders(draft: Draft) -> None:
    """Add every plant of this kind."""
    _same_bytes(draft)
    _same_final_address(draft)
    _alternates(draft)
    _sizes(draft)
    _few_addresses(draft)
    _one_genus(draft)


def no_photo(shade: int) -> Image.Image:
    """Draw what a host shows in the place of a photograph: a crossed-out frame on one colour.

    >>> no_photo(230).size
    (240, 180)
    """
    image = Image.new("RGB", (240, 180), (shade, shade, shade))
    pen = ImageDraw.Draw(image)
    pen.rectangle((70, 50, 170, 130), outline=(90, 90, 90), width=6)
    pen.line((60, 140, 180, 40), fill=(150, 40, 40), width=8)
    return image


def _same_bytes(draft: Draft) -> None:
    data = jpeg(no_photo(232))
    for key in _LOST:
        claim = draft.gbif.photo(draft.species[key].named(), draft.host(data), "CC-BY", 0)
        draft.truth.end(claim, Outcome.PLACEHOLDER, note="a placeholder at its own address")


def _same_final_address(draft: Draft) -> None:
    target = draft.web.put("slow.biota.test", "static/unavailable.jpg", jpeg(no_photo(210)))
    for number, key in enumerate(_MOVED):
        url = draft.web.behave("slow.biota.test", f"lost/{number}.jpg", Behaviour(302, location=target))
        claim = draft.gbif.photo(draft.species[key].named(), url, "CC-BY", 0)
        draft.truth.end(claim, Outcome.PLACEHOLDER, note="redirected to a placeholder")


def _alternates(draft: Draft) -> None:
    """The preferred copy is a placeholder, which a benchmark holds too: the medium is had at the other's address."""
    data = jpeg(no_photo(190))
    draft.heldout.add(data)
    for number, key in enumerate(_COPIED):
        named = draft.species[key].named()
        claim = draft.eol.photo(named, draft.host_eol(data), "PD", 0, source_page=_PAGE.format(3_100_019 + 7 * number))
        draft.truth.end(claim, Outcome.PLACEHOLDER, note="a copy that is a placeholder")
    species, page = draft.species["Lynx lynx"], _PAGE.format(3_200_021)
    real = jpeg(draft.draw(species))
    claims = [
        draft.eol.photo(species.named(), draft.host_eol(copy), licence, 0, source_page=page)
        for copy, licence in ((data, "PD"), (real, "CC-BY-NC"))
    ]
    draft.truth.collapse(claims, "the preferred copy is a placeholder, the other is not")


def _conflict(draft: Draft, key: str, url: str, note: str) -> None:
    claim = draft.gbif.photo(draft.species[key].named(), url, "CC-BY", 0)
    draft.truth.end(claim, Outcome.LABEL_CONFLICT, note=note)


def _sizes(draft: Draft) -> None:
    """A plate of five genera, offered in five sizes of which the host serves one: a conflict, no placeholder."""
    data = jpeg(draft.draw(draft.species[_PLATE[0]]))
    for size, key in zip(("square", "small", "medium", "large", "original"), _PLATE, strict=True):
        url = draft.web.put("media.biota.test", f"plates/77/{size}.jpg", data)
        _conflict(draft, key, url, "one plate in five sizes, five genera")


def _few_addresses(draft: Draft) -> None:
    data = jpeg(draft.draw(draft.species[_PLATE[1]]))
    for key in _PLATE[:4]:
        _conflict(draft, key, draft.host(data), "the same bytes under four addresses, four genera")


def _one_genus(draft: Draft) -> None:
    """Seven addresses and one genus: copies of one photograph, of which one is kept."""
    species = draft.species["Vanessa cardui"]
    image = draft.draw(species)
    data = jpeg(image)
    claims = [draft.gbif.photo(species.named(), draft.host(data), "CC-BY", area(image)) for _ in range(7)]
    draft.truth.decide([(claim, "same") for claim in claims], "the same bytes under seven addresses, one genus")
