"""JSON documents read by their elements: what has two meanings has none."""

from __future__ import annotations

import io

import pytest

from pipeline.model.errors import SourceError
from pipeline.sources.mapping.json_stream import iterate_elements


def test_two_lists_of_one_name_are_refused_by_name() -> None:
    document = b'{"images": [{"id": 1}], "info": {"images": []}, "images": [{"id": 2}]}'
    with pytest.raises(SourceError, match="two lists of the name 'images'") as error:
        list(iterate_elements(io.BytesIO(document), "x.json"))
    assert error.value.where.startswith("x.json, character")
    assert len(list(iterate_elements(io.BytesIO(document.replace(b'"images": [{"id": 2}', b'"more": [1')), "x"))) == 2
