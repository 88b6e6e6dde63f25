"""Which stored images are placeholders: what it takes, and what honestly stands under many addresses."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import FetchRules
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.model.media_keys import media_key
from pipeline.stages import fetch_placeholders
from pipeline.stages.screen import CANDIDATE_SCHEMA
from taxonomy import RESOLVED_SCHEMA

RULES = FetchRules()
GREY, BLUE = "ab" * 32, "cd" * 32
LINEAGES = {
    "Puma concolor": ("Felidae", "Puma"),
    "Puma yagouaroundi": ("Felidae", "Puma"),
    "Lynx lynx": ("Felidae", "Lynx"),
    "Felis catus": ("Felidae", "Felis"),
    "Canis lupus": ("Canidae", "Canis"),
    "Felidae": ("Felidae", None),
    "Canidae": ("Canidae", None),
    "Ursidae": ("Ursidae", None),
}


@dataclass(frozen=True)
class Ask:
    """One candidate and what the host answered."""

    url: str
    taxon: str
    sha256: str = GREY
    final_url: str = ""
    occurrence: str = ""
    box: float | None = None
    outcome: str | None = None
    alternates: tuple[tuple[str, str], ...] = ()
    """(address, digest of the answer)."""


def host(url: str) -> str:
    return url.split("/")[2]


def media_row(url: str, image: str, sha256: str, final_url: str, outcome: str | None) -> dict[str, object]:
    return {
        "image_id": image,
        "media_id": url,
        "host": host(url),
        "address": url,
        "outcome": outcome,
        "detail": "",
        "final_url": final_url or url,
        "sha256": None if outcome else sha256,
    }


class Fetch:
    """The tables of a fetch in a database of its own."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        candidates, media = [], {}
        for number, ask in enumerate(asks):
            image = f"{ask.url}|{ask.box}"
            candidates.append(
                {
                    "record_id": f"r{number:04}",
                    "source": "gbif",
                    "image_id": image,
                    "media_id": ask.url,
                    "address": ask.url,
                    "host": host(ask.url),
                    "box_x": ask.box,
                    "name_id": ask.taxon,
                    "occurrence_key": ask.occurrence,
                    "media_key": media_key(ask.url),
                    "alternates": [
                        {"image_id": f"{url}|None", "media_id": url, "address": url, "host": host(url)}
                        for url, _ in ask.alternates
                    ],
                }
            )
            media[image] = media_row(ask.url, image, ask.sha256, ask.final_url, ask.outcome)
            for url, digest in ask.alternates:
                media[f"{url}|None"] = media_row(url, f"{url}|None", digest, "", None)
        names = [
            {
                "name_id": taxon,
                "accepted_id": f"t:{taxon}",
                "accepted_name": taxon,
                "family_id": f"t:{family}",
                "genus_id": genus and f"t:{genus}",
            }
            for taxon, (family, genus) in LINEAGES.items()
        ]
        self.con = duckdb.connect()
        self.con.register("candidates", pa.Table.from_pylist(candidates, CANDIDATE_SCHEMA))
        self.con.register("media", pa.Table.from_pylist(list(media.values()), MEDIA_SCHEMA))
        self.con.register("names", pa.Table.from_pylist(names, RESOLVED_SCHEMA))
        fetch_placeholders.begin(self.con)

    def decide(self, rules: FetchRules = RULES) -> int:
        return fetch_placeholders.decide(self.con, "candidates", "media", "names", rules)

    def addresses(self) -> set[str]:
        return {url for (url,) in self.con.execute("SELECT media_id FROM placeholders").fetchall()}

    def groups(self) -> list[tuple[str, str, str, int, int]]:
        return self.con.execute(
            "SELECT rule, host, value, addresses, genera FROM placeholder_groups ORDER BY ALL"
        ).fetchall()


def decided(asks: Sequence[Ask], rules: FetchRules = RULES) -> set[str]:
    fetch = Fetch(asks)
    try:
        fetch.decide(rules)
        return fetch.addresses()
    finally:
        fetch.con.close()


def lost(count: int, at: str = "a.org") -> list[Ask]:
    """Return answers of equal bytes for three genera."""
    taxa = ("Puma concolor", "Lynx lynx", "Canis lupus")
    return [Ask(f"http://{at}/photos/{n}.jpg", taxa[n % 3]) for n in range(count)]


def test_five_addresses_of_a_host_with_the_same_bytes_for_three_genera_are_a_placeholder() -> None:
    asks = [*lost(5), Ask("http://a.org/photos/99.jpg", "Felis catus", sha256=BLUE)]
    fetch = Fetch(asks)
    assert fetch.decide() == 5
    assert fetch.addresses() == {ask.url for ask in asks[:5]}
    assert fetch.groups() == [("same bytes", "a.org", GREY, 5, 3)]
    assert fetch.decide() == 0  # nothing new the second time


@pytest.mark.parametrize(
    "asks",
    [
        lost(4),
        [*lost(3), *lost(4, "b.org")],  # seven addresses, but of two hosts
        [replace(ask, taxon="Puma yagouaroundi" if n % 2 else "Lynx lynx") for n, ask in enumerate(lost(9))],
        [replace(ask, sha256=f"{n:064x}") for n, ask in enumerate(lost(9))],
        [replace(ask, outcome="too_small") for ask in lost(9)],
    ],
    ids=["four addresses", "two hosts", "two genera", "other bytes", "ended otherwise"],
)
def test_fewer_addresses_or_genera_or_other_bytes_are_none(asks: list[Ask]) -> None:
    assert decided(asks) == set()


def test_species_of_one_genus_count_once_and_taxa_above_the_genus_only_where_they_stand_alone() -> None:
    def under(*taxa: str) -> set[str]:
        return decided([replace(ask, taxon=taxa[n % len(taxa)]) for n, ask in enumerate(lost(8))])

    assert under("Puma concolor", "Puma yagouaroundi", "Lynx lynx") == set()
    assert under("Felidae", "Puma concolor", "Lynx lynx") == set()  # the cat of unknown genus may be a lynx
    assert len(under("Canidae", "Puma concolor", "Lynx lynx")) == 8
    assert len(under("Canidae", "Felidae", "Ursidae")) == 8


def test_one_address_that_many_redirect_to_is_a_placeholder_whatever_its_bytes_are() -> None:
    target = "http://a.org/unavailable.png"
    asks = [replace(ask, sha256=f"{n:064x}", final_url=target) for n, ask in enumerate(lost(5))]
    fetch = Fetch([*asks, Ask(target, "Felis catus", sha256="9" * 64)])
    assert fetch.decide() == 6  # who names the final address itself gets the same
    assert fetch.groups() == [("same final address", "a.org", target, 6, 4)]
    assert decided(asks[:4]) == set()


def test_sizes_schemes_and_fragments_of_one_picture_are_one_address() -> None:
    sizes = ("square", "small", "medium", "large", "original", "1024x768")
    paths = [Ask(f"http://a.org/photos/7/{size}.jpg", ask.taxon) for size, ask in zip(sizes, lost(6), strict=True)]
    queries = [Ask(f"http://a.org/p.php?id=7&width={100 * n}", ask.taxon) for n, ask in enumerate(lost(6), 1)]
    pages = [Ask(f"http{'s' * (n % 2)}://a.org/page.jpg#page{n}", ask.taxon) for n, ask in enumerate(lost(6))]
    for asks in (paths, queries, pages):
        assert decided(asks) == set()
    flickr = [
        Ask(f"https://live.staticflickr.com/65535/51_00{n:08x}_{letter}.jpg", ask.taxon)
        for n, (letter, ask) in enumerate(zip("sqtmnz", lost(6), strict=True))
    ]
    assert decided(flickr) == set()  # one media key
    ids = [Ask(f"http://a.org/p.php?id={n}&width=100", ask.taxon) for n, ask in enumerate(lost(6))]
    assert len(decided(ids)) == 6


def test_a_sheet_of_one_occurrence_is_none_however_many_taxa_and_addresses_it_has() -> None:
    sheet = [replace(ask, occurrence="4711") for ask in lost(9)]
    assert decided(sheet) == set()
    # Two occurrences more make no placeholder of it, five of three genera do, and the sheet ends with them.
    others = [replace(ask, url=ask.url.replace("photos", "other")) for ask in lost(5)]
    assert decided([*sheet, *others[:2]]) == set()
    assert len(decided([*sheet, *others])) == 14


def test_pictures_of_one_occurrence_count_when_it_is_of_one_genus() -> None:
    asks = [replace(ask, occurrence=ask.taxon) for ask in lost(6)]
    assert len(decided(asks)) == 6


def test_boxes_of_frames_make_no_placeholder_but_end_with_one() -> None:
    boxes = [replace(ask, box=float(n)) for n, ask in enumerate(lost(9))]
    assert decided(boxes) == set()
    frame = Ask("http://a.org/photos/0.jpg", "Felis catus", box=3.0)
    assert len(decided([*lost(5), frame])) == 5
    fetch = Fetch([*lost(5), frame])
    assert fetch.decide() == 6


def test_listed_digests_need_no_company_and_are_not_read_by_case() -> None:
    asks = [Ask("http://a.org/1.jpg", "Puma concolor"), Ask("http://b.org/1.jpg", "Lynx lynx", box=1.0)]
    rules = replace(RULES, placeholders=(GREY.upper(),))
    fetch = Fetch([*asks, Ask("http://b.org/2.jpg", "Lynx lynx", sha256=BLUE)])
    assert fetch.decide(rules) == 2
    assert fetch.groups() == [("listed", "a.org", GREY, 1, 1), ("listed", "b.org", GREY, 1, 1)]
    assert len(decided(lost(9), replace(RULES, placeholder_addresses=0, placeholders=(GREY,)))) == 9


def test_zero_addresses_turn_the_search_off() -> None:
    assert decided(lost(9), replace(RULES, placeholder_addresses=0)) == set()
    assert len(decided(lost(2) + lost(3)[2:], replace(RULES, placeholder_addresses=3))) == 3


def test_alternates_that_were_asked_count_for_the_host_that_was_asked() -> None:
    asks = [
        Ask(f"http://own.org/{n}.jpg", ask.taxon, outcome="gone", alternates=((ask.url, GREY),))
        for n, ask in enumerate(lost(5))
    ]
    assert decided(asks) == {ask.url for ask in lost(5)}


def test_the_outcome_and_its_evidence_are_read_where_the_media_are_read() -> None:
    fetch = Fetch([*lost(5), Ask("http://a.org/photos/99.jpg", "Felis catus", sha256=BLUE)])
    fetch.decide()
    rows = fetch.con.execute(
        f"SELECT outcome, detail, placeholder FROM {fetch_placeholders.judged('media')} ORDER BY sha256, address"
    ).fetchall()
    assert {row[0] for row in rows[:5]} == {"placeholder"}
    assert rows[0][1] == "a placeholder: 5 addresses of a.org gave these bytes, for 3 genera"
    assert f'"value":"{GREY}"' in rows[0][2]
    assert rows[5] == (None, "", None)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(sorted(LINEAGES)), st.booleans()), max_size=24))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_answers_changes_nothing(said: list[tuple[int, str, bool]]) -> None:
    asks = list({n: Ask(f"http://a.org/{n}.jpg", taxon, GREY if same else BLUE) for n, taxon, same in said}.values())
    shuffled = random.Random(len(said)).sample(asks, len(asks))
    one, two = Fetch(asks), Fetch(shuffled)
    for fetch in (one, two):
        fetch.decide()
    assert one.addresses() == two.addresses()
    assert one.groups() == two.groups()
    for digest in (GREY, BLUE):
        group = [ask for ask in asks if ask.sha256 == digest]
        found = one.addresses() & {ask.url for ask in group}
        assert found in (set(), {ask.url for ask in group})  # a group ends as a whole or not at all
        genera = {LINEAGES[ask.taxon][1] for ask in group} - {None}
        if len(group) >= 5 and len(genera) >= 3:
            assert found
        if len(group) < 5 or len({ask.taxon for ask in group}) < 3:
            assert not found
