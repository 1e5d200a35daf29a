"""hf://: what a checkpoint folder says of itself, without transformers or torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nungil.encoder.port import EncoderSpace
from nungil.encoder.url import EncoderUrl
from nungil.encoder.weights import digest_of, named_space, read_projection
from nungil.runtime.errors import Misconfigured

RECIPE = "hf 1"  # part of every digest: raise it when the same weights would give other vectors
MODELS = ("clip", "siglip")
# What the checkpoints of a kind expect where their folder does not say.
_MEAN = {"clip": (0.48145466, 0.4578275, 0.40821073), "siglip": (0.5, 0.5, 0.5)}
_DEVIATION = {"clip": (0.26862954, 0.26130258, 0.27577711), "siglip": (0.5, 0.5, 0.5)}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """raw_dim: of the pooled vector, before a projection of ours. mean, deviation: of pixels from 0 to 1."""

    folder: Path
    model: str
    px: int
    cells: int
    raw_dim: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def files(self) -> list[Path]:
        """What the vectors depend on."""
        weights = sorted(self.folder.glob("*.safetensors"))
        if not weights:
            raise Misconfigured(f"{self.folder} holds no *.safetensors; other forms of weights are not read")
        said = [self.folder / name for name in ("config.json", "preprocessor_config.json")]
        return [*(path for path in said if path.exists()), *weights]


def read_checkpoint(url: EncoderUrl) -> Checkpoint:
    """Raises Misconfigured for a folder that is none, or a model that is not CLIP or SigLIP."""
    folder = Path(url.name)
    if not folder.is_absolute() or not folder.is_dir():
        raise Misconfigured(f"{url.url}: use hf:///absolute/path of a checkpoint's folder; nothing is downloaded")
    config = _json(folder / "config.json")
    pixels = _json(folder / "preprocessor_config.json") if (folder / "preprocessor_config.json").exists() else {}
    model = config.get("model_type")
    if model not in MODELS:
        raise Misconfigured(
            f"{folder} is a checkpoint of {model!r}; use one of CLIP or SigLIP (of SigLIP2, those of a fixed size)"
        )
    try:
        vision = _vision_of(config)
        px, patch = int(vision["image_size"]), int(vision["patch_size"])
        raw_dim = int(config["projection_dim"] if model == "clip" else vision["hidden_size"])
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{folder / 'config.json'} does not say {error}") from error
    mean = tuple(pixels.get("image_mean") or _MEAN[model])
    deviation = tuple(pixels.get("image_std") or _DEVIATION[model])
    return Checkpoint(folder, model, px, px // patch, raw_dim, mean, deviation)


def hf_space(url: EncoderUrl) -> EncoderSpace:
    """Reads the checkpoint's files, for their digest. Raises Misconfigured."""
    found = read_checkpoint(url)
    projection = url.path("projection")
    dim = found.raw_dim if projection is None else read_projection(projection, found.raw_dim).shape[1]
    digest = digest_of(RECIPE, [*found.files, *([projection] if projection else [])])
    return named_space(found.model, found.px, found.cells, dim, digest)


def _vision_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """With what transformers assumes where a config says nothing: checkpoints store only what differs."""
    assumed: dict[str, Any] = {"image_size": 224, "patch_size": 32 if config["model_type"] == "clip" else 16}
    if config["model_type"] == "siglip":
        assumed["hidden_size"] = 768
    return assumed | dict(config["vision_config"])


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise Misconfigured(f"{path} is no JSON object")
    return read
