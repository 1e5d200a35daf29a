"""URL -> encoder, and URL -> its space without loading a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from nungil.encoder.hf_checkpoint import hf_space
from nungil.encoder.port import Encoder, EncoderSpace
from nungil.encoder.torchvision_backbones import torchvision_space
from nungil.encoder.url import KNOWN, EncoderUrl, read_url
from nungil.encoder.weights import said_space
from nungil.runtime.errors import Misconfigured

if TYPE_CHECKING:
    from nungil.encoder.network_encoder import NetworkEncoder

# The name ends with the version of projection.npz: raise it whenever that file is fitted again.
EFFICIENTNET_LITE0 = EncoderSpace("efficientnet-lite0-320-256-v1", dim=256, rows=10, columns=10, input_px=320)


def space_of(url: str) -> EncoderSpace:
    """The space of the encoder at `url`: cheap, for services that read vectors and make none. Raises Misconfigured."""
    return _space_of(read_url(url))


def has_text_tower(url: str) -> bool:
    """Whether the encoder at `url` knows words: `Encoder.text`, without loading it. Raises Misconfigured."""
    return read_url(url).scheme == "hf"


def _space_of(url: EncoderUrl) -> EncoderSpace:
    if url.scheme == "efficientnet-lite0" and not url.name:
        return EFFICIENTNET_LITE0
    if url.scheme == "tiny" and url.name.isascii() and url.name.isdecimal() and 8 <= int(url.name) <= 4096:
        dim = int(url.name)
        return EncoderSpace(f"tiny-{dim}-v1", dim=dim, rows=8, columns=8, input_px=64)
    if "space" in url.options:
        return said_space(url)
    if url.scheme == "torchvision":
        return torchvision_space(url)
    if url.scheme == "hf":
        return hf_space(url)
    raise Misconfigured(f"{url.url!r} names no encoder; {KNOWN}")


def _space_of_files(url: EncoderUrl) -> EncoderSpace:
    """Whatever the URL says: what its weights make. Raises Misconfigured where `space` says otherwise."""
    files = replace(url, options={name: value for name, value in url.options.items() if name != "space"})
    space = _space_of(files)
    if "space" in url.options and space != said_space(url):
        raise Misconfigured(f"{url.url}: these weights make the space {space.name}, not {url.options['space']}")
    return space


@contextmanager
def open_encoder(url: str, *, device: str = "auto") -> Iterator[Encoder]:
    """The encoder at `url`, ready to use.

    device: "cpu", "cuda", or "auto" (cuda where there is one). Raises Misconfigured for an unknown url or device, and for
    "cuda" where there is none. The modules are imported here: torch takes seconds that other services need not spend.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise Misconfigured(f"{device!r} is no device; use auto, cpu or cuda")
    asked = read_url(url)
    space = _space_of_files(asked)
    if asked.scheme == "tiny":
        from nungil.encoder.tiny import TinyEncoder

        yield TinyEncoder(space)
        return
    encoder = _load(asked, space, device)
    try:
        yield encoder
    finally:
        encoder.close()


def _load(url: EncoderUrl, space: EncoderSpace, device: str) -> NetworkEncoder:
    if url.scheme == "torchvision":
        from nungil.encoder.torchvision_encoder import load_torchvision

        return load_torchvision(url, space, device)
    if url.scheme == "hf":
        from nungil.encoder.hf_encoder import load_hf

        return load_hf(url, space, device)
    from nungil.encoder.efficientnet_lite0 import load_efficientnet_lite0

    return load_efficientnet_lite0(url, space, device)
