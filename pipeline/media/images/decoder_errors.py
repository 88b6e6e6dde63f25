"""What decoders raise on foreign bytes: format plug-ins let their own parsing errors through.

MemoryError stays out: it says something about the machine, not about the image.
"""

from __future__ import annotations

import struct
import zlib

from PIL import Image

DECODER_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
