"""Plants that end before any byte is fetched: broken rows, wrong media, held-out ids, licences, names, boxes, URLs.

Where one row has two faults, the one that the pipeline tests first gives the outcome.
"""

from __future__ import annotations

from pipeline.demo import bioscan, eol, fathomnet, gbif
from pipeline.demo.bioscan import SIDE
from pipeline.demo.book import Book
from pipeline.demo.cast import INSECTS, MARINE, Naming
from pipeline.demo.draw import jpeg
from pipeline.demo.fathomnet import Frame
from pipeline.model import ids
from pipeline.model.outcomes import Outcome


def plant_rows(book: Book) -> None:
    """Add every plant of this kind."""
    _broken_rows(book)
    _media_kinds(book)
    _held_out_ids(book)
    _licences(book)
    _names(book)
    _boxes(book)
    _addresses(book)


def _url(book: Book, key: str) -> str:
    return book.host(jpeg(book.draw(book.cast[key])))


def _gbif(book: Book, naming: Naming, outcome: Outcome, *, licence: str | None = None, url: str | None = None) -> None:
    """Add a GBIF photograph with one fault: a name, a licence (verbatim, of media and record alike) or an address."""
    url = _url(book, naming.key) if url is None else url
    if licence is None:
        gbif_id = book.gbif.occurrence(naming)
        row_id = book.gbif.medium(gbif_id, url, licence=gbif.LICENCES["CC-BY"])
    else:
        row_id = book.gbif.medium(book.gbif.occurrence(naming, licence=""), url, licence=licence)
    book.truth.add(row_id, gbif.SOURCE, outcome, note=f"{naming.verbatim} | {licence or ''} | {url}".strip())


def _frame(book: Book, key: str, *, valid: bool = True) -> tuple[Frame, tuple[int, int, int, int]]:
    image, boxes = book.draw_frame([book.cast[key]])
    data = jpeg(image, 92)
    return book.fathomnet.frame(book.host_frame(data), data, valid=valid), boxes[0]


def _broken_rows(book: Book) -> None:
    named = book.cast["Vulpes vulpes"].named()
    gbif_id = book.gbif.occurrence(named)
    row_id = book.gbif.medium(gbif_id, _url(book, named.key), licence=gbif.LICENCES["CC-BY"])
    book.truth.add(row_id, gbif.SOURCE, Outcome.KEPT, note="its record also has a malformed media row")
    book.gbif.medium(gbif_id, _url(book, named.key), licence=gbif.LICENCES["CC-BY"])
    raw = book.gbif.media[-1].replace("\timage/jpeg\t", "\timage/jpeg", 1)
    book.gbif.media[-1] = raw
    book.truth.add(ids.ended_id(gbif.SOURCE, "multimedia", raw), gbif.SOURCE, Outcome.MALFORMED_ROW, note="a tab short")

    insect = book.cast["Apis mellifera"]
    book.bioscan.specimen(insect.named(), jpeg(book.draw(insect, (SIDE, SIDE))), split="train")
    raw = book.bioscan.lines[-1].replace(",Costa Rica,", ",Costa Rica", 1)
    book.bioscan.lines[-1] = raw
    row_id = ids.ended_id(bioscan.SOURCE, "metadata", raw)
    book.truth.add(row_id, bioscan.SOURCE, Outcome.MALFORMED_ROW, note="a comma short")

    for key in ("Lynx lynx", "Ficus carica", "Morchella esculenta"):
        row_id = ids.record_id(gbif.SOURCE, book.gbif.occurrence(book.cast[key].named()), "")
        book.truth.add(row_id, gbif.SOURCE, Outcome.NO_MEDIA)
    for key in ("Lynx lynx", "Parus major"):
        row_id = book.gbif.medium(book.gbif.occurrence(book.cast[key].named()), "", licence=gbif.LICENCES["CC-BY"])
        book.truth.add(row_id, gbif.SOURCE, Outcome.NO_URL, note="only references")
    for number in range(2):
        row_id = book.gbif.medium(str(3_999_000_001 + number), _url(book, "Canis lupus"))
        book.truth.add(row_id, gbif.SOURCE, Outcome.ORPHAN_MEDIA)

    # A row stated twice, verbatim: one of the two has a fate, the other is a repetition.
    for key in ("Panthera leo", "Musca domestica"):
        gbif_id = book.gbif.occurrence(book.cast[key].named())
        row_id = book.gbif.medium(gbif_id, _url(book, key), licence=gbif.LICENCES["CC-BY"])
        book.gbif.media.append(book.gbif.media[-1])
        book.truth.add(row_id, gbif.SOURCE, Outcome.KEPT, note="stated twice")
        book.truth.add(row_id, gbif.SOURCE, Outcome.DUPLICATE_RECORD, note="stated twice")
    named = book.cast["Taraxacum officinale"].named()
    url = book.host_eol(jpeg(book.draw(book.cast[named.key])))
    row_id = book.eol.medium(book.eol.page(named), url, eol.LICENCES["CC-BY"])
    book.eol.rows.append(book.eol.rows[-1])
    book.truth.add(row_id, eol.SOURCE, Outcome.KEPT, note="stated twice")
    book.truth.add(row_id, eol.SOURCE, Outcome.DUPLICATE_RECORD, note="stated twice")


def _media_kinds(book: Book) -> None:
    for kind, mime, suffix in (("Sound", "audio/mpeg", ".mp3"), ("MovingImage", "video/mp4", ".mp4")):
        gbif_id = book.gbif.occurrence(book.cast["Rana temporaria"].named())
        url = f"http://media.biota.test/recordings/{gbif_id}{suffix}"
        row_id = book.gbif.medium(gbif_id, url, licence=gbif.LICENCES["CC-BY"], kind=kind, mime=mime)
        book.truth.add(row_id, gbif.SOURCE, Outcome.NOT_IMAGE, note=kind)
    for key in ("Puma concolor", "Pinus sylvestris"):
        gbif_id = book.gbif.occurrence(book.cast[key].named(), status="ABSENT")
        row_id = book.gbif.medium(gbif_id, _url(book, key), licence=gbif.LICENCES["CC-BY"])
        book.truth.add(row_id, gbif.SOURCE, Outcome.NOT_PRESENT)


def _held_out_ids(book: Book) -> None:
    for number, key in enumerate(("Danaus plexippus", "Bufo bufo")):
        gbif_id = book.gbif.occurrence(book.cast[key].named())
        for _ in range(1 + number):
            row_id = book.gbif.medium(gbif_id, _url(book, key), licence=gbif.LICENCES["CC-BY"])
            book.truth.add(row_id, gbif.SOURCE, Outcome.LEAK_ID, note="record listed")
        book.heldout.list_record(gbif.SOURCE, gbif_id)
    for number, key in enumerate(("Quercus robur", "Natrix natrix")):
        photo, named = 1_746_183 + 11 * number, book.cast[key].named()
        url = book.host_eol(jpeg(book.draw(book.cast[key])))
        page = f"https://www.inaturalist.org/photos/{photo}"
        row_id = book.eol.medium(book.eol.page(named), url, eol.LICENCES["CC-BY"], source_page=page)
        book.truth.add(row_id, eol.SOURCE, Outcome.LEAK_ID, note="medium listed")
        book.heldout.list_media(f"inat:{photo}")
    insect = book.cast["Vanessa cardui"]
    claim = book.bioscan.specimen(insect.named(), jpeg(book.draw(insect, (SIDE, SIDE))), split="test")
    book.truth.end(claim, Outcome.LEAK_ID, note="medium listed")
    book.heldout.list_media(f"bioscan:{book.bioscan.last()}")
    image, boxes = book.draw_frame([book.cast[key] for key in MARINE[:3]])
    data = jpeg(image, 92)
    frame = book.fathomnet.frame(book.host_frame(data), data)
    for key, box in zip(MARINE[:3], boxes, strict=True):
        book.truth.end(frame.box(key, box), Outcome.LEAK_ID, note="medium listed: all its boxes")
    book.heldout.list_media(f"fathomnet:{frame.uuid}")


def _licences(book: Book) -> None:
    lynx, oak = book.cast["Lynx lynx"], book.cast["Quercus robur"]
    _gbif(book, lynx.named(), Outcome.LICENCE_UNKNOWN, licence="")
    _gbif(book, oak.named(), Outcome.LICENCE_UNKNOWN, licence="© Biota Demo Museum, Entrance Hall")
    _gbif(book, oak.misnamed("Quercus nusquamensis"), Outcome.LICENCE_UNKNOWN, licence="")
    _gbif(book, lynx.named(), Outcome.LICENCE_NOT_ALLOWED, licence=gbif.LICENCES["ARR"])
    _gbif(book, oak.named(), Outcome.LICENCE_NOT_ALLOWED, licence=gbif.LICENCES["CC-BY-ND"])
    _gbif(book, oak.as_rank("family"), Outcome.LICENCE_NOT_ALLOWED, licence=gbif.LICENCES["ARR"])
    for licence, outcome in (("", Outcome.LICENCE_UNKNOWN), (eol.LICENCES["ARR"], Outcome.LICENCE_NOT_ALLOWED)):
        url = book.host_eol(jpeg(book.draw(lynx)))
        row_id = book.eol.medium(book.eol.page(lynx.named()), url, licence)
        book.truth.add(row_id, eol.SOURCE, outcome, note=licence)


def _names(book: Book) -> None:
    for name in ("Imaginaria nusquam", "Nullibus demonstratus"):
        _gbif(book, book.cast["Puma concolor"].misnamed(name), Outcome.NAME_UNRESOLVED)
    for key, rank in (("Coccinella septempunctata", "family"), ("Passer domesticus", "order")):
        _gbif(book, book.cast[key].as_rank(rank), Outcome.RANK_TOO_HIGH)

    moss = book.cast["Trametes versicolor"]
    url = book.host_eol(jpeg(book.draw(moss)))
    row_id = book.eol.medium("99000017", url, eol.LICENCES["CC-BY"])
    book.truth.add(row_id, eol.SOURCE, Outcome.NAME_UNRESOLVED, note="page not in the hierarchy")
    for naming, outcome in (
        (moss.misnamed("Imaginaria nusquam"), Outcome.NAME_UNRESOLVED),
        (moss.as_rank("family"), Outcome.RANK_TOO_HIGH),
    ):
        url = book.host_eol(jpeg(book.draw(moss)))
        row_id = book.eol.medium(book.eol.page(naming), url, eol.LICENCES["CC-BY"])
        book.truth.add(row_id, eol.SOURCE, outcome, note=naming.canonical)

    for key, rank in zip(INSECTS[3:8], ("family", "family", "order", "family", "class"), strict=True):
        insect = book.cast[key]
        data = jpeg(book.draw(insect, (SIDE, SIDE)))
        claim = book.bioscan.specimen(insect.as_rank(rank), data, split="pretrain")
        book.truth.end(claim, Outcome.RANK_TOO_HIGH, note=rank)

    for concept, outcome in (
        ("Ficus variegata", Outcome.NAME_AMBIGUOUS),
        ("Ficus variegata", Outcome.NAME_AMBIGUOUS),
        ("55-gallon drum", Outcome.NON_ORGANISM),
        ("trash bag", Outcome.NON_ORGANISM),
        ("Octopodidae", Outcome.RANK_TOO_HIGH),
    ):
        frame, box = _frame(book, "Octopus rubescens")
        book.truth.end(frame.box(concept, box), outcome, note=concept)


def _boxes(book: Book) -> None:
    for number in range(2):
        frame, _ = _frame(book, MARINE[number])
        book.truth.add(frame.empty(), fathomnet.SOURCE, Outcome.NO_BOX)
    width, height = fathomnet.FRAME
    for place in ((width + 20, 40, 60, 60), (30, height + 5, 50, 50), (100, 100, 0, 40)):
        frame, box = _frame(book, "Chionoecetes tanneri")
        book.truth.keep(frame.box("Chionoecetes tanneri", box), "its frame also has a bad box")
        book.truth.end(frame.box("Chionoecetes tanneri", place), Outcome.BAD_BOX, note=str(place))
    for place in ((4, 4, 12, 10), (460, 300, 18, 40)):
        frame, box = _frame(book, "Sebastolobus alascanus")
        book.truth.keep(frame.box("Sebastolobus alascanus", box), "its frame also has a tiny box")
        book.truth.end(frame.box("Sebastolobus alascanus", place), Outcome.TOO_SMALL, note=str(place))
    for shift in (1, 2):
        frame, (x, y, width, height) = _frame(book, "Praya dubia")
        # Two observers drew the animal: of equal boxes that with the smaller id stays.
        claims = [frame.box("Praya dubia", (x, y, width + more, height)) for more in (0, shift)]
        stays, goes = sorted(claims, key=lambda claim: frame.key(claim.row_id))
        book.truth.keep(stays, "its animal was boxed twice")
        book.truth.end(goes, Outcome.MERGED_BOX, stays.row_id, "the same animal, boxed again")
    for valid in (True, False):
        frame, box = _frame(book, "Aurelia aurita", valid=valid)
        claim = frame.box("Aurelia aurita", box, rejected=valid)
        book.truth.end(claim, Outcome.REJECTED_LABEL, note="box rejected" if valid else "image not valid")


def _addresses(book: Book) -> None:
    named = book.cast["Formica rufa"].named()
    for name in ("one", "two"):
        _gbif(book, named, Outcome.HOST_NOT_ALLOWED, url=f"http://pictures.other.example/{name}.jpg")
    _gbif(book, named, Outcome.BAD_URL, url="ftp://media.biota.test/photos/1.jpg")
    _gbif(book, named, Outcome.BAD_URL, url="http://user:secret@media.biota.test/photos/2.jpg")
    url = "http://pictures.other.example/three.jpg"
    row_id = book.eol.medium(book.eol.page(named), url, eol.LICENCES["CC-BY"])
    book.truth.add(row_id, eol.SOURCE, Outcome.HOST_NOT_ALLOWED, note=url)
