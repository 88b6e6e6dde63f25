"""Plants that only the pixels give away: duplicates, label conflicts, flat images, and leaks of held-out images."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from pipeline.demo.bioscan import FAMILY as BIOSCAN_LICENCE
from pipeline.demo.bioscan import SIDE
from pipeline.demo.book import Book, area, recompressed, shrunk
from pipeline.demo.cast import CAST, LAND, MARINE, PLANTS
from pipeline.demo.draw import jpeg
from pipeline.demo.truth import Claim
from pipeline.model.outcomes import Outcome


def plant_likeness(book: Book) -> None:
    """Add every plant of this kind, and the held-out images."""
    _exact_duplicates(book)
    _shared_addresses(book)
    _near_duplicates(book)
    _label_conflicts(book)
    _flat_images(book)
    _held_out(book)
    _leaks_by_bytes(book)
    _leaks_by_distance(book)


def _exact_duplicates(book: Book) -> None:
    # The more open licence is kept; between equally open ones, the source of higher priority.
    families = (("CC-BY", "CC-BY"), ("CC-BY-NC", "PD"), ("CC0", "CC-BY-SA"), ("CC-BY-NC-SA", "CC-BY"), ("CC0", "CC-BY"))
    for key, (ours, theirs) in zip(LAND[:5], families, strict=True):
        image, named = book.draw(book.cast[key]), book.cast[key].named()
        data = jpeg(image)
        one = book.gbif.photo(named, book.host(data), ours, area(image))
        two = book.eol.photo(named, book.host_eol(data), theirs, area(image))
        book.truth.settle([(one, "same"), (two, "same")], f"the same bytes, {ours} and {theirs}")

    # A comment changes the bytes and no pixel; a synonym changes the label and no taxon.
    species = book.cast["Cyanistes caeruleus"]
    image = book.draw(species)
    one = book.gbif.photo(species.named(), book.host(jpeg(image)), "CC-BY", area(image))
    two = book.eol.photo(species.as_synonym(), book.host_eol(jpeg(image, comment=b"copy")), "CC-BY", area(image))
    book.truth.settle([(one, "same"), (two, "same")], "the same pixels in other bytes, labelled by a synonym")

    # The more specific label is kept, whatever its licence.
    species = book.cast["Quercus robur"]
    image = book.draw(species)
    data = jpeg(image)
    one = book.gbif.photo(species.as_rank("genus"), book.host(data), "CC0", area(image))
    two = book.eol.photo(species.named(), book.host_eol(data), "CC-BY-NC", area(image))
    book.truth.settle([(one, "same"), (two, "same")], "the same bytes, labelled as genus and as species")

    for key in ("Danaus plexippus", "Coccinella septempunctata"):
        named, data = book.cast[key].named(), jpeg(book.draw(book.cast[key], (SIDE, SIDE)))
        one = book.bioscan.specimen(named, data, split="train")
        two = book.gbif.photo(named, book.host(data), BIOSCAN_LICENCE, SIDE * SIDE)
        book.truth.settle([(one, "same"), (two, "same")], "a specimen that GBIF publishes too")

    # One frame under two uuids: the crops are the same pixels.
    species = book.cast["Vampyroteuthis infernalis"]
    frame, boxes = book.draw_frame([species])
    data = jpeg(frame, 92)
    claims = [book.fathomnet.frame(book.host_frame(data), data).box(species.name, boxes[0]) for _ in range(2)]
    book.truth.settle([(claim, "same") for claim in claims], "one frame under two uuids")


def _shared_addresses(book: Book) -> None:
    """One address on two occurrences: one medium, fetched once and kept once."""
    for key in ("Pinus sylvestris", "Trametes versicolor"):
        named, url = book.cast[key].named(), book.host(jpeg(book.draw(book.cast[key])))
        claims = [book.gbif.photo(named, url, "CC-BY", 0) for _ in range(2)]
        book.truth.collapse(claims, "one address on two occurrences")


def _near_duplicates(book: Book) -> None:
    for number, key in enumerate(PLANTS[:6]):
        image, named = book.draw(book.cast[key]), book.cast[key].named()
        large, small = jpeg(image), recompressed(image)
        pixels, fewer = area(image), area(shrunk(image, 75))
        # The larger copy is kept, whichever source has it.
        if number % 2:
            one = book.gbif.photo(named, book.host(large), "CC-BY", pixels)
            two = book.eol.photo(named, book.host_eol(small), "CC-BY", fewer)
        else:
            one = book.eol.photo(named, book.host_eol(large), "CC-BY", pixels)
            two = book.gbif.photo(named, book.host(small), "CC-BY", fewer)
        book.truth.settle([(one, "large"), (two, "small")], "resized to 75 % and compressed again")

    image, named = book.draw(book.cast["Morchella esculenta"]), book.cast["Morchella esculenta"].named()
    one = book.gbif.photo(named, book.host(jpeg(image)), "CC-BY-NC", area(image))
    two = book.eol.photo(named, book.host_eol(recompressed(image)), "PD", area(shrunk(image, 75)))
    book.truth.settle([(one, "large"), (two, "small")], "the smaller copy is the more open one")

    # Stored on its side, with the EXIF orientation that sets it upright (6: turn 90 degrees clockwise to display).
    image, named = book.draw(book.cast["Bufo bufo"]), book.cast["Bufo bufo"].named()
    exif, sideways = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(sideways, "JPEG", quality=88, exif=exif)
    one = book.gbif.photo(named, book.host(jpeg(image)), "CC-BY", area(image))
    two = book.eol.photo(named, book.host_eol(sideways.getvalue()), "CC-BY", area(image))
    book.truth.settle([(one, "upright"), (two, "sideways")], "stored sideways with an EXIF orientation")


def _label_conflicts(book: Book) -> None:
    def conflict(claims: Sequence[Claim], note: str) -> None:
        for claim in claims:
            book.truth.end(claim, Outcome.LABEL_CONFLICT, note=note)

    pair = [book.cast[key].named() for key in ("Passer domesticus", "Parus major")]
    image = book.draw(book.cast["Parus major"])
    url = book.host(jpeg(image))
    for named in pair:
        claim = book.gbif.photo(named, url, "CC-BY", area(image))
        book.truth.end(claim, Outcome.MEDIA_LABEL_CONFLICT, note="one address, two taxa")

    pair = [book.cast[key].named() for key in ("Lynx lynx", "Puma concolor")]
    image = book.draw(book.cast["Lynx lynx"])
    url = book.host_eol(jpeg(image))
    conflict([book.eol.photo(named, url, "CC-BY", area(image)) for named in pair], "one copy on two pages")

    image = book.draw(book.cast["Canis lupus"])
    one = book.gbif.photo(book.cast["Canis lupus"].named(), book.host(jpeg(image)), "CC-BY", area(image))
    two = book.eol.photo(book.cast["Vulpes vulpes"].named(), book.host_eol(jpeg(image)), "CC-BY", area(image))
    conflict([one, two], "the same bytes, two taxa")


def _flat_images(book: Book) -> None:
    named = book.cast["Fucus vesiculosus"].named()
    plain = Image.new("RGB", (216, 168), (118, 132, 120))
    faint = Image.linear_gradient("L").point([120 + value // 64 for value in range(256)]).convert("RGB")
    for image in (plain, faint):
        claim = book.gbif.photo(named, book.host(jpeg(image)), "CC-BY", area(image))
        book.truth.end(claim, Outcome.LEAK_UNKNOWN, note="nearly one colour")
    url = book.host_eol(jpeg(Image.new("RGB", (200, 160), (20, 24, 60))))
    book.truth.end(book.eol.photo(named, url, "CC-BY", 200 * 160), Outcome.LEAK_UNKNOWN, note="one colour")
    insect = book.cast["Formica rufa"]
    claim = book.bioscan.specimen(insect.named(), jpeg(Image.new("RGB", (SIDE, SIDE), (250, 250, 246))), split="val")
    book.truth.end(claim, Outcome.LEAK_UNKNOWN, note="an empty tray")


def _held_out(book: Book) -> None:
    """Add test images that nothing in the sources resembles."""
    for number in range(12):
        image = book.draw(book.cast[CAST[number * 4 % len(CAST)]])
        if number % 6 == 5:
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            book.heldout.add(buffer.getvalue(), ".png")
        else:
            book.heldout.add(jpeg(image))


def _leaks_by_bytes(book: Book) -> None:
    note = "the same bytes"
    for key in ("Panthera leo", "Prunella vulgaris"):
        image, named = book.draw(book.cast[key]), book.cast[key].named()
        item = book.heldout.add(jpeg(image))
        claim = book.gbif.photo(named, book.host(jpeg(image)), "CC-BY", area(image))
        book.truth.end(claim, Outcome.LEAK_BYTES, item, note)
    # Both copies of a duplicate leak: neither can shield the other.
    key = "Zamenis longissimus"
    image, named = book.draw(book.cast[key]), book.cast[key].named()
    item = book.heldout.add(jpeg(image))
    for claim in (
        book.gbif.photo(named, book.host(jpeg(image)), "CC0", area(image)),
        book.eol.photo(named, book.host_eol(jpeg(image)), "CC-BY", area(image)),
    ):
        book.truth.end(claim, Outcome.LEAK_BYTES, item, note)
    key = "Drosophila melanogaster"
    data = jpeg(book.draw(book.cast[key], (SIDE, SIDE)))
    claim = book.bioscan.specimen(book.cast[key].named(), data, split="test")
    book.truth.end(claim, Outcome.LEAK_BYTES, book.heldout.add(data), note)
    image = book.draw(book.cast["Ficus carica"])
    item = book.heldout.add(jpeg(image))
    url = book.host(jpeg(image, comment=b"re-uploaded"))
    claim = book.gbif.photo(book.cast["Ficus carica"].named(), url, "CC-BY", area(image))
    book.truth.end(claim, Outcome.LEAK_BYTES, item, "the same pixels in other bytes")


def _leaks_by_distance(book: Book) -> None:
    for key in ("Rana temporaria", "Morus alba"):
        image, named = book.draw(book.cast[key]), book.cast[key].named()
        item = book.heldout.add(jpeg(image))
        claim = book.gbif.photo(named, book.host(recompressed(image)), "CC-BY", area(shrunk(image, 75)))
        book.truth.end(claim, Outcome.LEAK_HAMMING, item, "resized and compressed again")
    for key, turn, note in (
        ("Oenanthe oenanthe", Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
        ("Macrocystis pyrifera", Image.Transpose.ROTATE_90, "turned"),
    ):
        image, named = book.draw(book.cast[key]), book.cast[key].named()
        item = book.heldout.add(jpeg(image))
        claim = book.eol.photo(named, book.host_eol(recompressed(image.transpose(turn))), "CC-BY", area(image))
        book.truth.end(claim, Outcome.LEAK_HAMMING, item, f"{note}, resized and compressed again")
    # A benchmark of regions of interest: the held-out image is the crop of a box, not the frame.
    species = book.cast[MARINE[4]]
    frame, boxes = book.draw_frame([species, book.cast[MARINE[5]]])
    data = jpeg(frame, 92)
    native = Image.open(io.BytesIO(data)).convert("RGB")
    x, y, width, height = boxes[0]
    item = book.heldout.add(jpeg(native.crop((x, y, x + width, y + height)), 80))
    stated = book.fathomnet.frame(book.host_frame(data), data)
    book.truth.end(stated.box(species.name, boxes[0]), Outcome.LEAK_HAMMING, item, "a region of interest held out")
    book.truth.keep(stated.box(MARINE[5], boxes[1]), "another animal of a frame with a held-out region")
