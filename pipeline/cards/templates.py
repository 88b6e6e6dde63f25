"""The templates of the cards and the report, which lie beside this file."""

from __future__ import annotations

from functools import cache

import jinja2

from pipeline.cards.markdown import code, plain, yaml_text
from pipeline.cards.plots import shown
from pipeline.cards.scope import size_category


@cache
def template(name: str, escape: bool) -> jinja2.Template:
    """Return a template by its file name; `escape`: whether what is filled in is escaped for HTML."""
    loader = jinja2.PackageLoader("pipeline.cards", "")
    environment = jinja2.Environment(
        loader=loader, autoescape=escape, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters |= {
        "plain": plain,
        "code": code,
        "yaml_text": yaml_text,
        "clean": shown,
        "oneline": _on_one_line,
        "size_category": size_category,
    }
    return environment.get_template(name)


def _on_one_line(sql: str) -> str:
    """Return a statement as it stands between double quotes of a shell."""
    return " ".join(sql.split()).replace('"', '\\"')
