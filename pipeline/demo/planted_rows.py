"""Plants that end before any byte is fetched: broken rows, wrong media, held-out ids, licences, names, boxes, URLs.

Where one row has two faults, the one that the pipeline tests first gives the outcome.
"""

from __future__ import annotations

from pipeline.demo import bioscan, eol, fathomnet, gbif
from pipeline.demo.bioscan import SIDE
from pipeline.demo.draft import Draft
from pipeline.demo.draw import jpeg
from pipeline.demo.fathomnet import Frame
from pipeline.demo.species import INSECTS, MARINE, Naming
from pipeline.model import ids
from pipeline.model.outcomes import Outcome


def add_rows(draft: Draft) -> None:
    """Add every plant of this kind."""
    _broken_rows(draft)
    _media_kinds(draft)
    _held_out_ids(draft)
    _licences(draft)
    _names(draft)
    _boxes(draft)
    _addresses(draft)


def _url(draft: Draft, key: str) -> str:
    return draft.host(jpeg(draft.draw(draft.species[key])))


def _gbif(
    draft: Draft, naming: Naming, outcome: Outcome, *, licence: str | None = None, url: str | None = None
) -> None:
    """Add a GBIF photograph with one fault: a name, a licence (verbatim, of media and record alike) or an address."""
    url = _url(draft, naming.key) if url is None else url
    if licence is None:
        gbif_id = draft.gbif.occurrence(naming)
        row_id = draft.gbif.medium(gbif_id, url, licence=gbif.LICENCES["CC-BY"])
    else:
        row_id = draft.gbif.medium(draft.gbif.occurrence(naming, licence=""), url, licence=licence)
    draft.truth.add(row_id, gbif.SOURCE, outcome, note=f"{naming.verbatim} | {licence or ''} | {url}".strip())


def _frame(draft: Draft, key: str, *, valid: bool = True) -> tuple[Frame, tuple[int, int, int, int]]:
    image, boxes = draft.draw_frame([draft.species[key]])
    data = jpeg(image, 92)
    return draft.fathomnet.frame(draft.host_frame(data), data, valid=valid), boxes[0]


def _broken_rows(draft: Draft) -> None:
    named = draft.species["Vulpes vulpes"].named()
    gbif_id = draft.gbif.occurrence(named)
    row_id = draft.gbif.medium(gbif_id, _url(draft, named.key), licence=gbif.LICENCES["CC-BY"])
    draft.truth.add(row_id, gbif.SOURCE, Outcome.KEPT, note="its record also has a malformed media row")
    draft.gbif.medium(gbif_id, _url(draft, named.key), licence=gbif.LICENCES["CC-BY"])
    raw = draft.gbif.media[-1].replace("\timage/jpeg\t", "\timage/jpeg", 1)
    draft.gbif.media[-1] = raw
    draft.truth.add(
        ids.ended_id(gbif.SOURCE, "multimedia", raw), gbif.SOURCE, Outcome.MALFORMED_ROW, note="a tab short"
    )

    insect = draft.species["Apis mellifera"]
    draft.bioscan.specimen(insect.named(), jpeg(draft.draw(insect, (SIDE, SIDE))), split="train")
    raw = draft.bioscan.lines[-1].replace(",Costa Rica,", ",Costa Rica", 1)
    draft.bioscan.lines[-1] = raw
    row_id = ids.ended_id(bioscan.SOURCE, "metadata", raw)
    draft.truth.add(row_id, bioscan.SOURCE, Outcome.MALFORMED_ROW, note="a comma short")

    for key in ("Lynx lynx", "Ficus carica", "Morchella esculenta"):
        row_id = ids.record_id(gbif.SOURCE, draft.gbif.occurrence(draft.species[key].named()), "")
        draft.truth.add(row_id, gbif.SOURCE, Outcome.NO_MEDIA)
    for key in ("Lynx lynx", "Parus major"):
        row_id = draft.gbif.medium(
            draft.gbif.occurrence(draft.species[key].named()), "", licence=gbif.LICENCES["CC-BY"]
        )
        draft.truth.add(row_id, gbif.SOURCE, Outcome.NO_URL, note="only references")
    for number in range(2):
        row_id = draft.gbif.medium(str(3_999_000_001 + number), _url(draft, "Canis lupus"))
        draft.truth.add(row_id, gbif.SOURCE, Outcome.ORPHAN_MEDIA)

    # A row stated twice, verbatim: one of the two has an outcome, the other is a repetition.
    for key in ("Panthera leo", "Musca domestica"):
        gbif_id = draft.gbif.occurrence(draft.species[key].named())
        row_id = draft.gbif.medium(gbif_id, _url(draft, key), licence=gbif.LICENCES["CC-BY"])
        draft.gbif.media.append(draft.gbif.media[-1])
        draft.truth.add(row_id, gbif.SOURCE, Outcome.KEPT, note="stated twice")
        draft.truth.add(row_id, gbif.SOURCE, Outcome.DUPLICATE_RECORD, note="stated twice")
    named = draft.species["Taraxacum officinale"].named()
    url = draft.host_eol(jpeg(draft.draw(draft.species[named.key])))
    row_id = draft.eol.medium(draft.eol.page(named), url, eol.LICENCES["CC-BY"])
    draft.eol.rows.append(draft.eol.rows[-1])
    draft.truth.add(row_id, eol.SOURCE, Outcome.KEPT, note="stated twice")
    draft.truth.add(row_id, eol.SOURCE, Outcome.DUPLICATE_RECORD, note="stated twice")


def _media_kinds(draft: Draft) -> None:
    for kind, mime, suffix in (("Sound", "audio/mpeg", ".mp3"), ("MovingImage", "video/mp4", ".mp4")):
        gbif_id = draft.gbif.occurrence(draft.species["Rana temporaria"].named())
        url = f"http://media.biota.test/recordings/{gbif_id}{suffix}"
        row_id = draft.gbif.medium(gbif_id, url, licence=gbif.LICENCES["CC-BY"], kind=kind, mime=mime)
        draft.truth.add(row_id, gbif.SOURCE, Outcome.NOT_IMAGE, note=kind)
    for key in ("Puma concolor", "Pinus sylvestris"):
        gbif_id = draft.gbif.occurrence(draft.species[key].named(), status="ABSENT")
        row_id = draft.gbif.medium(gbif_id, _url(draft, key), licence=gbif.LICENCES["CC-BY"])
        draft.truth.add(row_id, gbif.SOURCE, Outcome.NOT_PRESENT)


def _held_out_ids(draft: Draft) -> None:
    for number, key in enumerate(("Danaus plexippus", "Bufo bufo")):
        gbif_id = draft.gbif.occurrence(draft.species[key].named())
        for _ in range(1 + number):
            row_id = draft.gbif.medium(gbif_id, _url(draft, key), licence=gbif.LICENCES["CC-BY"])
            draft.truth.add(row_id, gbif.SOURCE, Outcome.LEAK_ID, note="record listed")
        draft.heldout.list_record(gbif.SOURCE, gbif_id)
    for number, key in enumerate(("Quercus robur", "Natrix natrix")):
        photo, named = 1_746_183 + 11 * number, draft.species[key].named()
        url = draft.host_eol(jpeg(draft.draw(draft.species[key])))
        page = f"https://www.inaturalist.org/photos/{photo}"
        row_id = draft.eol.medium(draft.eol.page(named), url, eol.LICENCES["CC-BY"], source_page=page)
        draft.truth.add(row_id, eol.SOURCE, Outcome.LEAK_ID, note="medium listed")
        draft.heldout.list_media(f"inat:{photo}")
    insect = draft.species["Vanessa cardui"]
    claim = draft.bioscan.specimen(insect.named(), jpeg(draft.draw(insect, (SIDE, SIDE))), split="test")
    draft.truth.end(claim, Outcome.LEAK_ID, note="medium listed")
    draft.heldout.list_media(f"bioscan:{draft.bioscan.last()}")
    image, boxes = draft.draw_frame([draft.species[key] for key in MARINE[:3]])
    data = jpeg(image, 92)
    frame = draft.fathomnet.frame(draft.host_frame(data), data)
    for key, box in zip(MARINE[:3], boxes, strict=True):
        draft.truth.end(frame.box(key, box), Outcome.LEAK_ID, note="medium listed: all its boxes")
    draft.heldout.list_media(f"fathomnet:{frame.uuid}")


def _licences(draft: Draft) -> None:
    lynx, oak = draft.species["Lynx lynx"], draft.species["Quercus robur"]
    _gbif(draft, lynx.named(), Outcome.LICENCE_UNKNOWN, licence="")
    _gbif(draft, oak.named(), Outcome.LICENCE_UNKNOWN, licence="© Biota Demo Museum, Entrance Hall")
    _gbif(draft, oak.misnamed("Quercus nusquamensis"), Outcome.LICENCE_UNKNOWN, licence="")
    _gbif(draft, lynx.named(), Outcome.LICENCE_NOT_ALLOWED, licence=gbif.LICENCES["ARR"])
    _gbif(draft, oak.named(), Outcome.LICENCE_NOT_ALLOWED, licence=gbif.LICENCES["CC-BY-ND"])
    _gbif(draft, oak.as_rank("family"), Outcome.LICENCE_NOT_ALLOWED, licence=gbif.LICENCES["ARR"])
    for licence, outcome in (("", Outcome.LICENCE_UNKNOWN), (eol.LICENCES["ARR"], Outcome.LICENCE_NOT_ALLOWED)):
        url = draft.host_eol(jpeg(draft.draw(lynx)))
        row_id = draft.eol.medium(draft.eol.page(lynx.named()), url, licence)
        draft.truth.add(row_id, eol.SOURCE, outcome, note=licence)


def _names(draft: Draft) -> None:
    for name in ("Imaginaria nusquam", "Nullibus demonstratus"):
        _gbif(draft, draft.species["Puma concolor"].misnamed(name), Outcome.NAME_UNRESOLVED)
    for key, rank in (("Coccinella septempunctata", "family"), ("Passer domesticus", "order")):
        _gbif(draft, draft.species[key].as_rank(rank), Outcome.RANK_TOO_HIGH)

    moss = draft.species["Trametes versicolor"]
    url = draft.host_eol(jpeg(draft.draw(moss)))
    row_id = draft.eol.medium("99000017", url, eol.LICENCES["CC-BY"])
    draft.truth.add(row_id, eol.SOURCE, Outcome.NAME_UNRESOLVED, note="page not in the hierarchy")
    for naming, outcome in (
        (moss.misnamed("Imaginaria nusquam"), Outcome.NAME_UNRESOLVED),
        (moss.as_rank("family"), Outcome.RANK_TOO_HIGH),
    ):
        url = draft.host_eol(jpeg(draft.draw(moss)))
        row_id = draft.eol.medium(draft.eol.page(naming), url, eol.LICENCES["CC-BY"])
        draft.truth.add(row_id, eol.SOURCE, outcome, note=naming.canonical)

    for key, rank in zip(INSECTS[3:8], ("family", "family", "order", "family", "class"), strict=True):
        insect = draft.species[key]
        data = jpeg(draft.draw(insect, (SIDE, SIDE)))
        claim = draft.bioscan.specimen(insect.as_rank(rank), data, split="pretrain")
        draft.truth.end(claim, Outcome.RANK_TOO_HIGH, note=rank)

    for concept, outcome in (
        ("Ficus variegata", Outcome.NAME_AMBIGUOUS),
        ("Ficus variegata", Outcome.NAME_AMBIGUOUS),
        ("55-gallon drum", Outcome.NON_ORGANISM),
        ("trash bag", Outcome.NON_ORGANISM),
        ("Octopodidae", Outcome.RANK_TOO_HIGH),
    ):
        frame, box = _frame(draft, "Octopus rubescens")
        draft.truth.end(frame.box(concept, box), outcome, note=concept)


def _boxes(draft: Draft) -> None:
    for number in range(2):
        frame, _ = _frame(draft, MARINE[number])
        draft.truth.add(frame.empty(), fathomnet.SOURCE, Outcome.NO_BOX)
    width, height = fathomnet.FRAME
    for place in ((width + 20, 40, 60, 60), (30, height + 5, 50, 50), (100, 100, 0, 40)):
        frame, box = _frame(draft, "Chionoecetes tanneri")
        draft.truth.keep(frame.box("Chionoecetes tanneri", box), "its frame also has a bad box")
        draft.truth.end(frame.box("Chionoecetes tanneri", place), Outcome.BAD_BOX, note=str(place))
    for place in ((4, 4, 12, 10), (460, 300, 18, 40)):
        frame, box = _frame(draft, "Sebastolobus alascanus")
        draft.truth.keep(frame.box("Sebastolobus alascanus", box), "its frame also has a tiny box")
        draft.truth.end(frame.box("Sebastolobus alascanus", place), Outcome.TOO_SMALL, note=str(place))
    for shift in (1, 2):
        frame, (x, y, width, height) = _frame(draft, "Praya dubia")
        # Two observers drew the animal: of equal boxes that with the smaller id stays.
        claims = [frame.box("Praya dubia", (x, y, width + more, height)) for more in (0, shift)]
        stays, goes = sorted(claims, key=lambda claim: frame.key(claim.row_id))
        draft.truth.keep(stays, "its animal was boxed twice")
        draft.truth.end(goes, Outcome.MERGED_BOX, stays.row_id, "the same animal, boxed again")
    for valid in (True, False):
        frame, box = _frame(draft, "Aurelia aurita", valid=valid)
        claim = frame.box("Aurelia aurita", box, rejected=valid)
        draft.truth.end(claim, Outcome.REJECTED_LABEL, note="box rejected" if valid else "image not valid")


def _addresses(draft: Draft) -> None:
    named = draft.species["Formica rufa"].named()
    for name in ("one", "two"):
        _gbif(draft, named, Outcome.HOST_NOT_ALLOWED, url=f"http://pictures.other.example/{name}.jpg")
    _gbif(draft, named, Outcome.BAD_URL, url="ftp://media.biota.test/photos/1.jpg")
    _gbif(draft, named, Outcome.BAD_URL, url="http://user:secret@media.biota.test/photos/2.jpg")
    url = "http://pictures.other.example/three.jpg"
    row_id = draft.eol.medium(draft.eol.page(named), url, eol.LICENCES["CC-BY"])
    draft.truth.add(row_id, eol.SOURCE, Outcome.HOST_NOT_ALLOWED, note=url)
