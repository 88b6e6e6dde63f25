from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxonomy import AuthorMatch, compare_authorship

DICTIONARIES = Path(__file__).parents[3] / "../shared/data/taxonomy/gbif-matching-ws/main-dictionaries.tar.gz"
EQUAL, UNKNOWN, DIFFERENT = AuthorMatch.EQUAL, AuthorMatch.UNKNOWN, AuthorMatch.DIFFERENT


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("L.", "Linnaeus", EQUAL),
        ("Linné, 1758", "(Linnaeus, 1758)", EQUAL),
        ("DC.", "de Candolle", EQUAL),
        ("L.f.", "L.", DIFFERENT),
        ("L. f.", "Linnaeus filius", EQUAL),
        ("Hook.f.", "Hook.", DIFFERENT),
        ("Hook. f. & Arn.", "Hook.f.", EQUAL),
        ("A. Gray", "A.Gray", EQUAL),
        ("Gray", "A.Gray", EQUAL),
        ("S.F.Gray", "A.Gray", DIFFERENT),
        ("Manfred A. Fischer", "M.A.Fisch.", EQUAL),
        ("Herbst, J.F.W., 1795", "Herbst, 1795", EQUAL),
        ("Müll.Arg.", "Müll.Hal.", DIFFERENT),
        ("Müller, 1776", "O. F. Mueller, 1776", EQUAL),
        ("Andersson", "Anderson", EQUAL),
        ("Przewalski", "Przewalskij, 1883", EQUAL),
        ("Michx.", "Michaux", EQUAL),
        ("Rchb.", "Reichenbach", EQUAL),
        ("d'Orbigny, 1835", "Orbigny, 1836", EQUAL),
        ("Sousa da Câmara", "Câmara", EQUAL),
        ("LINNAEUS", "Linnaeus", EQUAL),
        ("Smith et al., 2001", "Smith, Jones & Brown, 2001", EQUAL),
        ("Wall. ex DC.", "DC.", EQUAL),
        ("Hook. in Smith", "Smith", DIFFERENT),
        ("Torr. & A.Gray", "Nutt.", DIFFERENT),
        ("(L.) Mill.", "Mill.", EQUAL),
        ("(L.) Mill.", "(L.) Gaertn.", EQUAL),
        ("(L.) Mill.", "(Thunb.) Mill.", DIFFERENT),
        ("Smith, 1900", "Smith, 1901", EQUAL),
        ("Smith, 1900", "Smith, 1902", DIFFERENT),
        ("1900", "Smith, 1902", DIFFERENT),
        ("1900", "Smith, 1900", UNKNOWN),
        ("auct. non L.", "L.", DIFFERENT),
        ("auct. non L.", "Mill.", UNKNOWN),
        ("sensu Miller", "Miller", UNKNOWN),
        ("hort. ex Vilmorin", "Vilm.", EQUAL),
        ("Mill. non L.", "Miller", EQUAL),
        ("", "", UNKNOWN),
        ("auct.", "auct.", UNKNOWN),
    ],
)
def test_authorships_agree_contradict_or_say_too_little(one: str, other: str, says: AuthorMatch) -> None:
    assert compare_authorship(one, other) is says


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_comparison_has_no_direction_and_never_fails(one: str, other: str) -> None:
    assert compare_authorship(one, other) is compare_authorship(other, one)
    assert compare_authorship(one, one) is not DIFFERENT


def test_published_spellings_of_one_author_agree_and_those_of_others_do_not() -> None:
    if not DICTIONARIES.exists():
        pytest.skip("the published author map is not here")
    with tarfile.open(DICTIONARIES) as archive:
        member = archive.extractfile("dictionaries/authority/authormap.txt")
        assert member is not None
        lines = member.read().decode("utf-8").splitlines()
    rows = [[cell for cell in line.split("\t") if cell] for line in lines if not line.startswith("#")]
    pairs = [(row[0], other) for row in rows for other in row[1:]]
    assert len(pairs) > 9_000
    same = sum(compare_authorship(one, other) is EQUAL for one, other in pairs)
    assert same > 0.96 * len(pairs)
    strangers = [(pairs[i][0], pairs[(i * 7919 + 2503) % len(pairs)][1]) for i in range(0, len(pairs), 2)]
    assert sum(compare_authorship(one, other) is EQUAL for one, other in strangers) < 0.003 * len(strangers)
