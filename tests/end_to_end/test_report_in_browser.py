"""The report in a real browser: it asks nobody, fits every width and scheme, and is open to all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Demo
from tests.end_to_end.browser import DARK, FORCED, POLICY, axe, chromium, measured, needs_chromium, requests

SCHEMES = {
    "light": (),
    "dark": (DARK,),
    "few colours on white": (FORCED,),
    "few colours on black": (FORCED, "--force-dark-mode"),
}

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page(demo: Demo) -> str:
    return (demo.out / "report.html").read_text()


@pytest.mark.parametrize("width", [1400, 768, 400])
def test_nothing_runs_off_the_page(page: str, tmp_path: Path, width: int) -> None:
    told = measured(page, tmp_path, width)
    assert told["over"] <= 0 and told["sticking"] == []
    assert told["anchors"] >= 18 and told["lost"] == 0
    assert told["pictures"] == page.count("<img ")


@pytest.mark.parametrize("width", [1400, 400])
def test_no_label_of_a_drawing_is_cut_or_lies_over_another(page: str, tmp_path: Path, width: int) -> None:
    told = measured(page, tmp_path, width)
    assert told["cut"] == [] and told["overlapping"] == []


def test_letters_of_drawings_do_not_shrink_with_the_page(page: str, tmp_path: Path) -> None:
    told = measured(page, tmp_path, 400)
    assert told["letters"] >= 11 and told["scaled"] == 0


@pytest.mark.parametrize("width", [1400, 768])
def test_at_twice_the_size_everything_flows_anew_and_fits(page: str, tmp_path: Path, width: int) -> None:
    """A browser's zoom of 200 % is half as many CSS pixels, each of twice as many of the screen: WCAG 1.4.4, 1.4.10."""
    told = measured(page, tmp_path, width // 2, "--force-device-scale-factor=2")
    assert told["ratio"] == 2
    assert told["over"] <= 0 and told["sticking"] == [] and told["overlapping"] == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_mark_and_letter_is_seen_in_every_scheme(page: str, tmp_path: Path, scheme: str) -> None:
    told = measured(page, tmp_path, 1200, *SCHEMES[scheme])
    assert told["forced"] == (FORCED in SCHEMES[scheme])
    assert told["dark"] == ("--force-dark-mode" in SCHEMES[scheme] or DARK in SCHEMES[scheme])
    assert told["marks"] > 250
    assert told["faint"] == [], "marks that are as light as the ground"
    assert told["pale"] == [], "letters that are as light as what they stand on"


def test_the_dark_scheme_has_another_ground(page: str, tmp_path: Path) -> None:
    light, dark = (measured(page, tmp_path, 800, *SCHEMES[scheme]) for scheme in ("light", "dark"))
    assert light["ground"] != dark["ground"] and light["ink"] != dark["ink"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_anybody(page: str, tmp_path: Path, scheme: str) -> None:
    told = measured(page, tmp_path, 1000, *SCHEMES[scheme], script=axe())
    assert told["axe"] == []
    assert told["rules"] > 15


def test_its_own_policy_runs_no_script(page: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", "<script>document.body.textContent = 'ran'</script></body>"))
    assert "What happened to the input?" in chromium("--dump-dom", path.as_uri(), profile=tmp_path / "profile")


def test_opened_as_it_is_it_asks_nobody(page: str, tmp_path: Path) -> None:
    assert requests(page, tmp_path) == set()
    planted = page.replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>')
    assert requests(planted, tmp_path) == set(), "the page's own policy asks nobody, whatever stands in it"
    assert requests(re.sub(POLICY, "", planted), tmp_path) == {"http://127.0.0.1:9/x.png"}


def test_the_measurements_see_what_is_wrong(page: str, tmp_path: Path) -> None:
    wrong = (
        '<h2 style="width:2000px;color:#ddd;background:#fff">too wide and too pale</h2><img src="x.png">'
        '<svg id="wrong" width="300" height="40"><rect class="c-x" width="9" height="9" style="fill:#fffffe"/>'
        '<text x="-20" y="20">cut</text><text x="100" y="20">one over</text><text x="110" y="22">another</text>'
        '<text x="200" y="20" style="fill:#eee">pale</text></svg>'
    )
    told = measured(page.replace("</main>", f"{wrong}</main>"), tmp_path, 400, script=axe())
    assert told["over"] > 1000 and len(told["sticking"]) == 1
    assert {each.split(":")[0] for each in told["axe"]} >= {"color-contrast", "image-alt"}
    assert told["faint"] == ["wrong c-x 1.00"] and told["cut"] == ["wrong cut"]
    assert told["overlapping"] == ["wrong one over over another"]
    assert len(told["pale"]) == 1 and told["pale"][0].startswith("wrong pale")
