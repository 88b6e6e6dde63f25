"""Plants of one medium that several records name: what its keys tell before any byte is fetched."""

from __future__ import annotations

from pipeline.demo.draft import Draft
from pipeline.demo.draw import jpeg
from pipeline.demo.truth import Claim
from pipeline.demo.web import Behaviour
from pipeline.model.outcomes import Outcome

_PHOTO = 2_900_017
"""Number of the first photograph on the page that EOL took its copies from."""


def add_media(draft: Draft) -> None:
    """Add every plant of this kind."""
    _across_sources(draft)
    _on_two_pages(draft)
    _dead_copies(draft)


def _photo(number: int) -> str:
    return f"https://www.inaturalist.org/photos/{_PHOTO + 31 * number}"


def _across_sources(draft: Draft) -> None:
    """EOL lists the very address that GBIF does; the more open record speaks for both."""
    for key, (ours, theirs) in (("Parus major", ("CC-BY", "PD")), ("Bufo bufo", ("CC0", "CC-BY-SA"))):
        named, url = draft.species[key].named(), draft.host(jpeg(draft.draw(draft.species[key])))
        one = draft.gbif.photo(named, url, ours, 0)
        two = draft.eol.photo(named, url, theirs, 0, source_page="http://albums.biota.test/all")
        draft.truth.collapse([one, two], f"one address in two sources, {ours} and {theirs}")


def _on_two_pages(draft: Draft) -> None:
    """One photograph on the pages of a genus and of its species, and on the pages of two species."""
    claims = [_copy(draft, 1, "Quercus robur", "CC-BY", genus=genus) for genus in (True, False)]
    draft.truth.collapse(claims, "one photograph on the pages of a genus and of its species")
    for key in ("Natrix natrix", "Zamenis longissimus"):
        claim = _copy(draft, 2, key, "CC-BY")
        draft.truth.end(claim, Outcome.MEDIA_LABEL_CONFLICT, note="one photograph on the pages of two species")


def _dead_copies(draft: Draft) -> None:
    """The preferred record's copy is gone: the medium is had at the other's address, or nowhere."""
    gone = Behaviour(404)
    claims = [_copy(draft, 3, "Lynx lynx", "PD", gone), _copy(draft, 3, "Lynx lynx", "CC-BY-NC")]
    draft.truth.collapse(claims, "the preferred copy is gone, the other is not")
    claims = [_copy(draft, 4, "Lynx lynx", "PD", gone), _copy(draft, 4, "Lynx lynx", "CC-BY-NC", gone)]
    draft.truth.collapse(claims, "both copies are gone", Outcome.GONE)


def _copy(
    draft: Draft, photo: int, key: str, licence: str, behaviour: Behaviour | None = None, *, genus: bool = False
) -> Claim:
    """Add EOL's copy of a numbered photograph; each copy is a file of its own."""
    species = draft.species[key]
    naming = species.as_rank("genus") if genus else species.named()
    url = draft.host_eol(jpeg(draft.draw(species)), behaviour)
    return draft.eol.photo(naming, url, licence, 0, source_page=_photo(photo))
