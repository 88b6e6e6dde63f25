"""Media keys: one key for one photograph, on known hosts; the whole address elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.media_keys import media_key, page_media_key


@pytest.mark.parametrize(
    ("key", "urls"),
    [
        (
            "inat:1746183",
            [
                "https://www.inaturalist.org/photos/1746183",
                "http://static.inaturalist.org/photos/1746183/original.jpg?1234",
                "https://inaturalist-open-data.s3.amazonaws.com/photos/1746183/large.JPG",
                "https://s3.amazonaws.com/inaturalist-open-data/photos/1746183/medium.jpeg",
                "https://INATURALIST.nz/photos/1746183?size=large",
                "https://colombia.inaturalist.org/photos/1746183",
            ],
        ),
        (
            "commons:Größe_of_it.jpg",
            [
                "https://commons.wikimedia.org/wiki/File:Größe_of_it.jpg",
                "https://commons.wikimedia.org/wiki/File:gr%C3%B6%C3%9Fe%20of__it.jpg#file",
                "https://commons.m.wikimedia.org/wiki/File:Gro\u0308ße_of_it.jpg?uselang=de",
                "https://upload.wikimedia.org/wikipedia/commons/1/1f/Gr%C3%B6%C3%9Fe_of_it.jpg",
                "https://upload.wikimedia.org/wikipedia/commons/thumb/1/1f/Gr%C3%B6%C3%9Fe_of_it.jpg/320px-X.jpg",
                "https://commons.wikimedia.org/w/index.php?title=File:Größe_of_it.jpg&action=raw",
                "https://commons.wikimedia.org/wiki/Special:FilePath/Größe of it.jpg",
            ],
        ),
        (
            "flickr:6046097322",
            [
                "https://www.flickr.com/photos/someone/6046097322/",
                "http://flickr.com/photos/12@N03/6046097322/in/album-1",
                "https://farm7.staticflickr.com/6185/6046097322_5ed5b6a62b_o.jpg",
                "https://live.staticflickr.com/6185/6046097322_5ed5b6a62b_b.jpg",
                "http://farm7.static.flickr.com/6185/6046097322_5ed5b6a62b.jpg",
            ],
        ),
        (
            "eol:aa/bb/cc/18.x",
            [
                "https://content.eol.org/data/media/aa/bb/cc/18.x.jpg",
                "https://content.eol.org/data/media/aa/bb/cc/18.x.580x360.jpg",
            ],
        ),
        (
            "fathomnet:static/m3/Doc Ricketts/1.png",
            [
                "https://fathomnet.org/static/m3/Doc%20Ricketts/1.png",
                "https://database.fathomnet.org/static/m3/Doc Ricketts/1.png".replace(" ", "%20"),
            ],
        ),
        ("bold:LDPJR/A-2+15.jpg", ["http://www.boldsystems.org/pics/LDPJR/A-2+15.jpg"]),
        (
            "url:e.org/a.jpg?b=C#p",
            ["http://E.org/a.jpg?b=C#p", "https://e.org:443/a.jpg?b=C#p", " HTTP://e.org:80/a.jpg?b=C#p\n"],
        ),
    ],
)
def test_one_key_for_one_medium(key: str, urls: list[str]) -> None:
    assert [media_key(url) for url in urls] == [key] * len(urls)


@pytest.mark.parametrize(
    "urls",
    [
        ("http://www.archive.org/stream/x#page/n215", "http://www.archive.org/stream/x#page/n263"),
        ("https://e.org/i?id=1", "https://e.org/i?id=2"),
        ("https://e.org:8080/a.jpg", "https://e.org/a.jpg"),
        ("https://e.org/A.jpg", "https://e.org/a.jpg"),
        ("https://www.inaturalist.org/observations/5", "https://www.inaturalist.org/photos/5"),
        ("https://static.inaturalist.org/sounds/5.mp3", "https://static.inaturalist.org/photos/5/original.jpg"),
        ("https://inaturalist.org.evil.example/photos/5", "https://www.inaturalist.org/photos/5"),
        (
            "https://upload.wikimedia.org/wikipedia/en/1/1f/X.jpg",
            "https://upload.wikimedia.org/wikipedia/commons/1/1f/X.jpg",
        ),
        ("https://www.flickr.com/photos/tags/2015", "https://www.flickr.com/photos/someone/2015"),
    ],
)
def test_different_media_keep_different_keys(urls: tuple[str, str]) -> None:
    assert media_key(urls[0]) != media_key(urls[1])


def test_a_page_that_may_show_many_media_is_no_key() -> None:
    copies = [f"https://content.eol.org/data/media/aa/bb/cc/{n}.jpg" for n in range(2)]
    page = "http://www.boldsystems.org/index.php/Taxbrowser_Taxonpage?taxid=21767"
    assert [page_media_key(page, copy) for copy in copies] == ["eol:aa/bb/cc/0", "eol:aa/bb/cc/1"]
    assert page_media_key("", "") == ""


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.from_regex(r"[a-zA-Z]{2,5}:/{0,3}[^\n]{0,30}", fullmatch=True)))
def test_any_text_has_a_key(url: str) -> None:
    key = media_key(url)
    assert bool(key) == bool(url.strip())
    assert media_key(f" {url}\t") == key
