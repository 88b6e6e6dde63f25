"""Plants of hosts that answer 200 with a picture of their own, and of pictures that honestly have many addresses."""

from __future__ import annotations

from PIL import Image, ImageDraw

from pipeline.demo.book import Book, area
from pipeline.demo.draw import jpeg
from pipeline.demo.web import Behaviour
from pipeline.model.outcomes import Outcome

_LOST = ("Puma concolor", "Panthera leo", "Lynx lynx", "Canis lupus", "Vulpes vulpes", "Bufo bufo")
_MOVED = ("Morus alba", "Quercus robur", "Pinus sylvestris", "Ficus carica", "Prunella vulgaris")
_COPIED = ("Natrix natrix", "Zamenis longissimus", "Rana temporaria", "Parus major")
_PLATE = ("Musca domestica", "Apis mellifera", "Formica rufa", "Aedes aegypti", "Danaus plexippus")
_PAGE = "https://www.inaturalist.org/photos/{}"


def plant_placeholders(book: Book) -> None:
    """Add every plant of this kind."""
    _same_bytes(book)
    _same_final_address(book)
    _alternates(book)
    _sizes(book)
    _few_addresses(book)
    _one_genus(book)


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


def _same_bytes(book: Book) -> None:
    data = jpeg(no_photo(232))
    for key in _LOST:
        claim = book.gbif.photo(book.cast[key].named(), book.host(data), "CC-BY", 0)
        book.truth.end(claim, Outcome.PLACEHOLDER, note="a placeholder at its own address")


def _same_final_address(book: Book) -> None:
    target = book.web.put("slow.biota.test", "static/unavailable.jpg", jpeg(no_photo(210)))
    for number, key in enumerate(_MOVED):
        url = book.web.behave("slow.biota.test", f"lost/{number}.jpg", Behaviour(302, location=target))
        claim = book.gbif.photo(book.cast[key].named(), url, "CC-BY", 0)
        book.truth.end(claim, Outcome.PLACEHOLDER, note="redirected to a placeholder")


def _alternates(book: Book) -> None:
    """The preferred copy is a placeholder, which a benchmark holds too: the medium is had at the other's address."""
    data = jpeg(no_photo(190))
    book.heldout.add(data)
    for number, key in enumerate(_COPIED):
        named = book.cast[key].named()
        claim = book.eol.photo(named, book.host_eol(data), "PD", 0, source_page=_PAGE.format(3_100_019 + 7 * number))
        book.truth.end(claim, Outcome.PLACEHOLDER, note="a copy that is a placeholder")
    species, page = book.cast["Lynx lynx"], _PAGE.format(3_200_021)
    real = jpeg(book.draw(species))
    claims = [
        book.eol.photo(species.named(), book.host_eol(copy), licence, 0, source_page=page)
        for copy, licence in ((data, "PD"), (real, "CC-BY-NC"))
    ]
    book.truth.collapse(claims, "the preferred copy is a placeholder, the other is not")


def _conflict(book: Book, key: str, url: str, note: str) -> None:
    claim = book.gbif.photo(book.cast[key].named(), url, "CC-BY", 0)
    book.truth.end(claim, Outcome.LABEL_CONFLICT, note=note)


def _sizes(book: Book) -> None:
    """A plate of five genera, offered in five sizes of which the host serves one: a conflict, no placeholder."""
    data = jpeg(book.draw(book.cast[_PLATE[0]]))
    for size, key in zip(("square", "small", "medium", "large", "original"), _PLATE, strict=True):
        url = book.web.put("media.biota.test", f"plates/77/{size}.jpg", data)
        _conflict(book, key, url, "one plate in five sizes, five genera")


def _few_addresses(book: Book) -> None:
    data = jpeg(book.draw(book.cast[_PLATE[1]]))
    for key in _PLATE[:4]:
        _conflict(book, key, book.host(data), "the same bytes under four addresses, four genera")


def _one_genus(book: Book) -> None:
    """Seven addresses and one genus: copies of one photograph, of which one is kept."""
    species = book.cast["Vanessa cardui"]
    image = book.draw(species)
    data = jpeg(image)
    claims = [book.gbif.photo(species.named(), book.host(data), "CC-BY", area(image)) for _ in range(7)]
    book.truth.settle([(claim, "same") for claim in claims], "the same bytes under seven addresses, one genus")
