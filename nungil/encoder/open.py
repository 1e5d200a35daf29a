"""URL -> encoder, and URL -> its space without loading a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nungil.encoder.port import Encoder, EncoderSpace
from nungil.encoder.url import KNOWN, EncoderUrl, read_url
from nungil.runtime.errors import Misconfigured

# The name ends with the version of projection.npz: raise it whenever that file is fitted again.
EFFICIENTNET_LITE0 = EncoderSpace("efficientnet-lite0-320-256-v1", dim=256, rows=10, columns=10, input_px=320)


def space_of(url: str) -> EncoderSpace:
    """The space of the encoder at `url`: cheap, for services that read vectors and make none. Raises Misconfigured."""
    return _space_of(read_url(url))


def _space_of(url: EncoderUrl) -> EncoderSpace:
    if url.scheme == "efficientnet-lite0" and not url.name:
        return EFFICIENTNET_LITE0
    if url.scheme == "tiny" and url.name.isascii() and url.name.isdecimal() and 8 <= int(url.name) <= 4096:
        dim = int(url.name)
        return EncoderSpace(f"tiny-{dim}-v1", dim=dim, rows=8, columns=8, input_px=64)
    raise Misconfigured(f"{url.url!r} names no encoder; {KNOWN}")


@contextmanager
def open_encoder(url: str, *, device: str = "auto") -> Iterator[Encoder]:
    """The encoder at `url`, ready to use.

    device: "cpu", "cuda", or "auto" (cuda where there is one). Raises Misconfigured for an unknown url or device, and for
    "cuda" where there is none. The modules are imported here: torch takes seconds that other services need not spend.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise Misconfigured(f"{device!r} is no device; use auto, cpu or cuda")
    asked = read_url(url)
    space = _space_of(asked)
    if asked.scheme == "tiny":
        from nungil.encoder.tiny import TinyEncoder

        yield TinyEncoder(space)
    else:
        from nungil.encoder.efficientnet_lite0 import load_efficientnet_lite0

        encoder = load_efficientnet_lite0(asked, space, device)
        try:
            yield encoder
        finally:
            encoder.close()
