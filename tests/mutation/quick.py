"""pytest as mutants want it: no search for the smallest failing example, no cache, results on few lines."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import Phase, settings

OPTIONS = ("-W", "ignore", "-p", "no:cacheprovider", "-p", "no:xdist", "-rfE", "--tb=no", "--no-header")


def without_shrinking() -> None:
    """Let every profile that the tests register stop at the first failing example."""
    register = settings.register_profile

    def quicker(name: str, parent: settings | None = None, **more: Any) -> None:
        register(name, parent, **{**more, "phases": (Phase.explicit, Phase.generate)})

    # The class refuses to be changed; this is the one place that needs it to be.
    type.__setattr__(settings, "register_profile", staticmethod(quicker))


if __name__ == "__main__":
    without_shrinking()
    sys.exit(pytest.main([*OPTIONS, *sys.argv[1:]]))
