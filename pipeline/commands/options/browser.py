"""A page of this machine in a browser, where somebody sits before a screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def has_display() -> bool:
    """Return whether there is a screen that a browser could open a window on."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def open_page(path: Path) -> bool:
    """Show a page in a browser, and return whether one was asked: without a screen none is."""
    if not has_display():
        return False
    import webbrowser

    return webbrowser.open(path.absolute().as_uri())
