"""Plants that only the pixels give away: duplicates, label conflicts, flat images, and leaks of held-out images."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from pipeline.demo.bioscan import FAMILY as BIOSCAN_LICENCE
from pipeline.demo.bioscan import SIDE
from pipeline.demo.draft import Draft, area, recompressed, shrunk
from pipeline.demo.draw import jpeg
from pipeline.demo.species import LAND, MARINE, PLANTS, SPECIES
from pipeline.demo.truth import Claim
from pipeline.model.outcomes import Outcome


def add_likeness(draft: Draft) -> None:
    """Add every plant of this kind, and the held-out images."""
    _exact_duplicates(draft)
    _shared_addresses(draft)
    _near_duplicates(draft)
    _label_conflicts(draft)
    _flat_images(draft)
    _held_out(draft)
    _leaks_by_bytes(draft)
    _leaks_by_distance(draft)


def _exact_duplicates(draft: Draft) -> None:
    # The more open licence is kept; between equally open ones, the source of higher priority.
    families = (("CC-BY", "CC-BY"), ("CC-BY-NC", "PD"), ("CC0", "CC-BY-SA"), ("CC-BY-NC-SA", "CC-BY"), ("CC0", "CC-BY"))
    for key, (ours, theirs) in zip(LAND[:5], families, strict=True):
        image, named = draft.draw(draft.species[key]), draft.species[key].named()
        data = jpeg(image)
        one = draft.gbif.photo(named, draft.host(data), ours, area(image))
        two = draft.eol.photo(named, draft.host_eol(data), theirs, area(image))
        draft.truth.decide([(one, "same"), (two, "same")], f"the same bytes, {ours} and {theirs}")

    # A comment changes the bytes and no pixel; a synonym changes the label and no taxon.
    species = draft.species["Cyanistes caeruleus"]
    image = draft.draw(species)
    one = draft.gbif.photo(species.named(), draft.host(jpeg(image)), "CC-BY", area(image))
    two = draft.eol.photo(species.as_synonym(), draft.host_eol(jpeg(image, comment=b"copy")), "CC-BY", area(image))
    draft.truth.decide([(one, "same"), (two, "same")], "the same pixels in other bytes, labelled by a synonym")

    # The more specific label is kept, whatever its licence.
    species = draft.species["Quercus robur"]
    image = draft.draw(species)
    data = jpeg(image)
    one = draft.gbif.photo(species.as_rank("genus"), draft.host(data), "CC0", area(image))
    two = draft.eol.photo(species.named(), draft.host_eol(data), "CC-BY-NC", area(image))
    draft.truth.decide([(one, "same"), (two, "same")], "the same bytes, labelled as genus and as species")

    for key in ("Danaus plexippus", "Coccinella septempunctata"):
        named, data = draft.species[key].named(), jpeg(draft.draw(draft.species[key], (SIDE, SIDE)))
        one = draft.bioscan.specimen(named, data, split="train")
        two = draft.gbif.photo(named, draft.host(data), BIOSCAN_LICENCE, SIDE * SIDE)
        draft.truth.decide([(one, "same"), (two, "same")], "a specimen that GBIF publishes too")

    # One frame under two uuids: the crops are the same pixels.
    species = draft.species["Vampyroteuthis infernalis"]
    frame, boxes = draft.draw_frame([species])
    data = jpeg(frame, 92)
    claims = [draft.fathomnet.frame(draft.host_frame(data), data).box(species.name, boxes[0]) for _ in range(2)]
    draft.truth.decide([(claim, "same") for claim in claims], "one frame under two uuids")


def _shared_addresses(draft: Draft) -> None:
    """One address on two occurrences: one medium, fetched once and kept once."""
    for key in ("Pinus sylvestris", "Trametes versicolor"):
        named, url = draft.species[key].named(), draft.host(jpeg(draft.draw(draft.species[key])))
        claims = [draft.gbif.photo(named, url, "CC-BY", 0) for _ in range(2)]
        draft.truth.collapse(claims, "one address on two occurrences")


def _near_duplicates(draft: Draft) -> None:
    for number, key in enumerate(PLANTS[:6]):
        image, named = draft.draw(draft.species[key]), draft.species[key].named()
        large, small = jpeg(image), recompressed(image)
        pixels, fewer = area(image), area(shrunk(image, 75))
        # The larger copy is kept, whichever source has it.
        if number % 2:
            one = draft.gbif.photo(named, draft.host(large), "CC-BY", pixels)
            two = draft.eol.photo(named, draft.host_eol(small), "CC-BY", fewer)
        else:
            one = draft.eol.photo(named, draft.host_eol(large), "CC-BY", pixels)
            two = draft.gbif.photo(named, draft.host(small), "CC-BY", fewer)
        draft.truth.decide([(one, "large"), (two, "small")], "resized to 75 % and compressed again")

    image, named = draft.draw(draft.species["Morchella esculenta"]), draft.species["Morchella esculenta"].named()
    one = draft.gbif.photo(named, draft.host(jpeg(image)), "CC-BY-NC", area(image))
    two = draft.eol.photo(named, draft.host_eol(recompressed(image)), "PD", area(shrunk(image, 75)))
    draft.truth.decide([(one, "large"), (two, "small")], "the smaller copy is the more open one")

    # Stored on its side, with the EXIF orientation that sets it upright (6: turn 90 degrees clockwise to display).
    image, named = draft.draw(draft.species["Bufo bufo"]), draft.species["Bufo bufo"].named()
    exif, sideways = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(sideways, "JPEG", quality=88, exif=exif)
    one = draft.gbif.photo(named, draft.host(jpeg(image)), "CC-BY", area(image))
    two = draft.eol.photo(named, draft.host_eol(sideways.getvalue()), "CC-BY", area(image))
    draft.truth.decide([(one, "upright"), (two, "sideways")], "stored sideways with an EXIF orientation")


def _label_conflicts(draft: Draft) -> None:
    def conflict(claims: Sequence[Claim], note: str) -> None:
        for claim in claims:
            draft.truth.end(claim, Outcome.LABEL_CONFLICT, note=note)

    pair = [draft.species[key].named() for key in ("Passer domesticus", "Parus major")]
    image = draft.draw(draft.species["Parus major"])
    url = draft.host(jpeg(image))
    for named in pair:
        claim = draft.gbif.photo(named, url, "CC-BY", area(image))
        draft.truth.end(claim, Outcome.MEDIA_LABEL_CONFLICT, note="one address, two taxa")

    pair = [draft.species[key].named() for key in ("Lynx lynx", "Puma concolor")]
    image = draft.draw(draft.species["Lynx lynx"])
    url = draft.host_eol(jpeg(image))
    conflict([draft.eol.photo(named, url, "CC-BY", area(image)) for named in pair], "one copy on two pages")

    image = draft.draw(draft.species["Canis lupus"])
    one = draft.gbif.photo(draft.species["Canis lupus"].named(), draft.host(jpeg(image)), "CC-BY", area(image))
    two = draft.eol.photo(draft.species["Vulpes vulpes"].named(), draft.host_eol(jpeg(image)), "CC-BY", area(image))
    conflict([one, two], "the same bytes, two taxa")


def _flat_images(draft: Draft) -> None:
    named = draft.species["Fucus vesiculosus"].named()
    plain = Image.new("RGB", (216, 168), (118, 132, 120))
    faint = Image.linear_gradient("L").point([120 + value // 64 for value in range(256)]).convert("RGB")
    for image in (plain, faint):
        claim = draft.gbif.photo(named, draft.host(jpeg(image)), "CC-BY", area(image))
        draft.truth.end(claim, Outcome.LEAK_UNKNOWN, note="nearly one colour")
    url = draft.host_eol(jpeg(Image.new("RGB", (200, 160), (20, 24, 60))))
    draft.truth.end(draft.eol.photo(named, url, "CC-BY", 200 * 160), Outcome.LEAK_UNKNOWN, note="one colour")
    insect = draft.species["Formica rufa"]
    claim = draft.bioscan.specimen(insect.named(), jpeg(Image.new("RGB", (SIDE, SIDE), (250, 250, 246))), split="val")
    draft.truth.end(claim, Outcome.LEAK_UNKNOWN, note="an empty tray")


def _held_out(draft: Draft) -> None:
    """Add test images that nothing in the sources resembles."""
    for number in range(12):
        image = draft.draw(draft.species[SPECIES[number * 4 % len(SPECIES)]])
        if number % 6 == 5:
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            draft.heldout.add(buffer.getvalue(), ".png")
        else:
            draft.heldout.add(jpeg(image))


def _leaks_by_bytes(draft: Draft) -> None:
    note = "the same bytes"
    for key in ("Panthera leo", "Prunella vulgaris"):
        image, named = draft.draw(draft.species[key]), draft.species[key].named()
        item = draft.heldout.add(jpeg(image))
        claim = draft.gbif.photo(named, draft.host(jpeg(image)), "CC-BY", area(image))
        draft.truth.end(claim, Outcome.LEAK_BYTES, item, note)
    # Both copies of a duplicate leak: neither can shield the other.
    key = "Zamenis longissimus"
    image, named = draft.draw(draft.species[key]), draft.species[key].named()
    item = draft.heldout.add(jpeg(image))
    for claim in (
        draft.gbif.photo(named, draft.host(jpeg(image)), "CC0", area(image)),
        draft.eol.photo(named, draft.host_eol(jpeg(image)), "CC-BY", area(image)),
    ):
        draft.truth.end(claim, Outcome.LEAK_BYTES, item, note)
    key = "Drosophila melanogaster"
    data = jpeg(draft.draw(draft.species[key], (SIDE, SIDE)))
    claim = draft.bioscan.specimen(draft.species[key].named(), data, split="test")
    draft.truth.end(claim, Outcome.LEAK_BYTES, draft.heldout.add(data), note)
    image = draft.draw(draft.species["Ficus carica"])
    item = draft.heldout.add(jpeg(image))
    url = draft.host(jpeg(image, comment=b"re-uploaded"))
    claim = draft.gbif.photo(draft.species["Ficus carica"].named(), url, "CC-BY", area(image))
    draft.truth.end(claim, Outcome.LEAK_BYTES, item, "the same pixels in other bytes")


def _leaks_by_distance(draft: Draft) -> None:
    for key in ("Rana temporaria", "Morus alba"):
        image, named = draft.draw(draft.species[key]), draft.species[key].named()
        item = draft.heldout.add(jpeg(image))
        claim = draft.gbif.photo(named, draft.host(recompressed(image)), "CC-BY", area(shrunk(image, 75)))
        draft.truth.end(claim, Outcome.LEAK_HAMMING, item, "resized and compressed again")
    for key, turn, note in (
        ("Oenanthe oenanthe", Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
        ("Macrocystis pyrifera", Image.Transpose.ROTATE_90, "turned"),
    ):
        image, named = draft.draw(draft.species[key]), draft.species[key].named()
        item = draft.heldout.add(jpeg(image))
        claim = draft.eol.photo(named, draft.host_eol(recompressed(image.transpose(turn))), "CC-BY", area(image))
        draft.truth.end(claim, Outcome.LEAK_HAMMING, item, f"{note}, resized and compressed again")
    # A benchmark of regions of interest: the held-out image is the crop of a box, not the frame.
    species = draft.species[MARINE[4]]
    frame, boxes = draft.draw_frame([species, draft.species[MARINE[5]]])
    data = jpeg(frame, 92)
    native = Image.open(io.BytesIO(data)).convert("RGB")
    x, y, width, height = boxes[0]
    item = draft.heldout.add(jpeg(native.crop((x, y, x + width, y + height)), 80))
    stated = draft.fathomnet.frame(draft.host_frame(data), data)
    draft.truth.end(stated.box(species.name, boxes[0]), Outcome.LEAK_HAMMING, item, "a region of interest held out")
    draft.truth.keep(stated.box(MARINE[5], boxes[1]), "another animal of a frame with a held-out region")
