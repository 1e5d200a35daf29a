"""URL -> encoder, and URL -> its space without loading a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from nungil.encoder.port import Encoder, EncoderSpace
from nungil.runtime.errors import Misconfigured

# The name ends with the version of projection.npz: raise it whenever that file is fitted again.
EFFICIENTNET_LITE0 = EncoderSpace("efficientnet-lite0-320-256-v1", dim=256, rows=10, columns=10, input_px=320)
_TINY = re.compile(r"^tiny://(\d{1,4})$")
_KNOWN = "use efficientnet-lite0:// or, for tests, tiny://64 (64 is the size of a vector, 8 to 4096)"


def space_of(url: str) -> EncoderSpace:
    """The space of the encoder at `url`: cheap, for services that read vectors and make none. Raises Misconfigured."""
    if url == "efficientnet-lite0://":
        return EFFICIENTNET_LITE0
    tiny = _TINY.match(url)
    if tiny and 8 <= int(tiny[1]) <= 4096:
        dim = int(tiny[1])
        return EncoderSpace(f"tiny-{dim}-v1", dim=dim, rows=8, columns=8, input_px=64)
    raise Misconfigured(f"{url!r} names no encoder; {_KNOWN}")


@contextmanager
def open_encoder(url: str, *, device: str = "auto") -> Iterator[Encoder]:
    """The encoder at `url`, ready to use.

    device: "cpu", "cuda", or "auto" (cuda where there is one). Raises Misconfigured for an unknown url or device, and for
    "cuda" where there is none. The modules are imported here: torch takes seconds that other services need not spend.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise Misconfigured(f"{device!r} is no device; use auto, cpu or cuda")
    space = space_of(url)
    if url.startswith("tiny:"):
        from nungil.encoder.tiny import TinyEncoder

        yield TinyEncoder(space)
    else:
        from nungil.encoder.efficientnet_lite0 import load_efficientnet_lite0

        encoder = load_efficientnet_lite0(space, device)
        try:
            yield encoder
        finally:
            encoder.close()
