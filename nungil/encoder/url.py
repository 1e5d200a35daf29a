"""What an encoder's URL says: `scheme://name?option=value`, every option known to the scheme, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from nungil.runtime.errors import Misconfigured

KNOWN = (
    "use efficientnet-lite0://, torchvision://resnet50?weights=/path, hf:///folder"
    " or, for tests, tiny://64 (64 is the size of a vector, 8 to 4096)"
)
# scheme -> the options that it takes
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "efficientnet-lite0": ("backend", "precision"),
    "torchvision": ("weights", "projection", "px", "precision", "space"),
    "hf": ("projection", "labels", "prompts", "precision", "space"),
    "tiny": (),
}


@dataclass(frozen=True, slots=True)
class EncoderUrl:
    """A URL taken apart. name: what stands between `://` and `?`."""

    url: str
    scheme: str
    name: str
    options: Mapping[str, str]

    def choice(self, option: str, allowed: Sequence[str]) -> str:
        """What the option says; the first of `allowed` where it says nothing. Raises Misconfigured for anything else."""
        value = self.options.get(option, allowed[0])
        if value not in allowed:
            raise Misconfigured(f"{self.url}: {option} is {value!r}; use {' or '.join(allowed)}")
        return value

    def path(self, option: str) -> Path | None:
        """The file that the option names; None where it says nothing. Raises Misconfigured where there is none."""
        value = self.options.get(option)
        if value is None:
            return None
        path = Path(value)
        if not path.is_absolute() or not path.is_file():
            raise Misconfigured(f"{self.url}: {option} must be the absolute path of a file, and {value!r} is none")
        return path


def read_url(url: str) -> EncoderUrl:
    """Raises Misconfigured for a scheme or an option that is not known, or one given twice or empty."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in OPTIONS:
        raise Misconfigured(f"{url!r} names no encoder; {KNOWN}")
    parts = urlsplit(f"//{rest}" if scheme != "hf" else rest)
    name = parts.netloc + parts.path
    try:
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise Misconfigured(f"{url!r} is no encoder's URL ({error}); {KNOWN}") from error
    options = dict(given)
    for option, value in given:
        if option not in OPTIONS[scheme]:
            takes = ", ".join(OPTIONS[scheme]) or "none"
            raise Misconfigured(f"{url}: {scheme}:// has no option {option!r}; it takes {takes}")
        if not value:
            raise Misconfigured(f"{url}: {option} is empty")
    if len(given) != len(options) or parts.fragment:
        raise Misconfigured(f"{url}: an option is given twice, or something follows a '#'; {KNOWN}")
    return EncoderUrl(url, scheme, name, options)
