"""hf:///folder: CLIP (Radford et al., ICML 2021) or SigLIP (Zhai et al., ICCV 2023; SigLIP2, 2025), with its text tower.

A cell of the map is what the model's own head makes of that patch alone: CLIP's normalisation and projection, SigLIP's
attention pooling over the one patch. All cells are then moved by one vector so that their mean is the model's own vector
of the picture: the whole picture meets texts as it was trained to, and a part differs from it as its patches differ.

Labels are texts. The names of things compete cell by cell; materials and styles compete among themselves, for the whole picture,
and every cell is given what the whole is: a style has no place in a picture.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import nn

from nungil.encoder.hf_checkpoint import Checkpoint, read_checkpoint
from nungil.encoder.network_encoder import NetworkEncoder
from nungil.encoder.port import EncoderSpace, Vectors
from nungil.encoder.precision import PRECISIONS
from nungil.encoder.torch_forward import device_of, linear, torch_forward
from nungil.encoder.url import EncoderUrl
from nungil.encoder.weights import read_projection
from nungil.runtime.errors import Misconfigured
from nungil.taxonomy.taxonomy import FACETS, SCENES, load_taxonomy

logger = logging.getLogger(__name__)

PROMPT = {"en": "a photo of a {}", "ko": "{} 사진"}  # the English one as both were measured
# In which languages labels are asked: most checkpoints read English alone.
_LANGUAGES: Mapping[str, tuple[str, ...]] = {"en": ("en",), "ko": ("ko",), "both": ("en", "ko")}
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Facet:
    """Labels that compete with each other. vectors: float32 [texts, raw dim], unit length; the first of them are of `labels`, in
    order, the rest takes up what is none of these. whole: whether the whole picture is asked, and not each cell."""

    labels: tuple[str, ...]
    vectors: Vectors
    whole: bool


class Pictures(nn.Module):
    """uint8 [n, px, px, 3] -> maps [n, cells, cells, dim] and probabilities [n, cells, cells, labels], float32.

    labels: of the facets, one after another.
    """

    _mean: torch.Tensor
    _deviation: torch.Tensor

    def __init__(self, model: Any, found: Checkpoint, facets: Sequence[Facet], projection: nn.Linear | None) -> None:
        super().__init__()
        self._model = model
        self._clip = found.model == "clip"
        self._cells = found.cells
        self._projection = projection
        self._facets = [(f"_facet_{n}", len(facet.labels), facet.whole) for n, facet in enumerate(facets)]
        for (name, _, _), facet in zip(self._facets, facets, strict=True):
            self.register_buffer(name, torch.from_numpy(facet.vectors.astype(np.float32)), persistent=False)
        self.register_buffer("_mean", torch.tensor(found.mean) * 255, persistent=False)
        self.register_buffer("_deviation", torch.tensor(found.deviation) * 255, persistent=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scaled = ((pixels.float() - self._mean) / self._deviation).permute(0, 3, 1, 2)
        seen = self._model.vision_model(pixel_values=scaled)
        patches, pooled = self._by_patch(seen)
        moved = patches - patches.mean(dim=1, keepdim=True) + pooled[:, None]
        cells = moved.reshape(len(moved), self._cells, self._cells, -1).float()
        labels = torch.cat(
            [cells[..., :0], *(self._probabilities(cells, pooled, *facet) for facet in self._facets)], -1
        )
        return self._projection(cells) if self._projection else cells, labels

    def _probabilities(
        self, cells: torch.Tensor, pooled: torch.Tensor, name: str, labels: int, whole: bool
    ) -> torch.Tensor:
        """float32 [n, cells, cells, labels]: of one facet."""
        asked = pooled.float()[:, None, None] if whole else cells
        alike = nn.functional.normalize(asked, dim=-1) @ self.get_buffer(name).T
        probabilities: torch.Tensor = (alike * self._model.logit_scale.exp()).float().softmax(dim=-1)[..., :labels]
        return probabilities.expand(*cells.shape[:3], labels)

    def _by_patch(self, seen: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Each patch through the head alone, [n, patches, raw dim], and the model's own vector, [n, raw dim]."""
        vision = self._model.vision_model
        if self._clip:
            project = self._model.visual_projection
            return project(vision.post_layernorm(seen.last_hidden_state[:, 1:])), project(seen.pooler_output)
        alone = vision.head(seen.last_hidden_state.flatten(0, 1)[:, None])
        return alone.reshape(*seen.last_hidden_state.shape[:2], -1), seen.pooler_output


class Texts:
    """See port.TextEncoder."""

    def __init__(self, model: Any, tokenizer: Any, found: Checkpoint, projection: nn.Linear | None) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._clip = found.model == "clip"
        self._projection = projection
        self._longest = model.config.text_config.max_position_embeddings
        self._dim = projection.out_features if projection else found.raw_dim

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        pages = [texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE)]
        return np.concatenate([np.empty((0, self._dim), dtype=np.float32), *map(self._page, pages)])

    @torch.inference_mode()
    def _page(self, texts: Sequence[str]) -> Vectors:
        """SigLIP saw every text filled up to the longest, CLIP may be given them as they are."""
        padding = True if self._clip else "max_length"
        tokens = self._tokenizer(
            list(texts), padding=padding, truncation=True, max_length=self._longest, return_tensors="pt"
        )
        named = {
            name: tokens[name].to(self._model.device) for name in ("input_ids", "attention_mask") if name in tokens
        }
        if not self._clip:
            named.pop("attention_mask", None)  # it was trained without
        vectors = self._model.get_text_features(**named).pooler_output.float()
        if self._projection:
            vectors = self._projection(vectors)
        unit: Vectors = nn.functional.normalize(vectors, dim=-1).cpu().numpy()
        return unit


def load_hf(url: EncoderUrl, space: EncoderSpace, device: str) -> NetworkEncoder:
    """Raises Misconfigured where the package transformers, the device, or a part of the checkpoint is not here."""
    if find_spec("transformers") is None:
        raise Misconfigured(f"{url.url}: the package transformers is not installed: pip install 'nungil[hf]'")
    found = read_checkpoint(url)
    named = url.choice("labels", ("names", "none")) == "names"
    chosen, precision = device_of(device), url.choice("precision", PRECISIONS)
    model, tokenizer = _read(found)
    path = url.path("projection")
    projection = None if path is None else linear(read_projection(path, found.raw_dim)).to(chosen)
    model.to(chosen)
    languages = _LANGUAGES[url.choice("prompts", tuple(_LANGUAGES))]
    facets = _facets(Texts(model, tokenizer, found, None), found, languages) if named else ()
    forward = torch_forward(Pictures(model, found, facets, projection), space, chosen, precision)
    labels = tuple(label for facet in facets for label in facet.labels)
    return NetworkEncoder(space, labels, forward, Texts(model, tokenizer, found, projection))


def _read(found: Checkpoint) -> tuple[Any, Any]:
    """Model and tokenizer, from the folder alone."""
    from transformers import AutoTokenizer, CLIPModel, SiglipModel

    architecture: Any = CLIPModel if found.model == "clip" else SiglipModel
    try:
        model, read = architecture.from_pretrained(
            found.folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(found.folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise Misconfigured(f"{found.folder} is no whole checkpoint: {str(error).partition(chr(10))[0]}") from error
    if missing := sorted(read["missing_keys"]):
        raise Misconfigured(f"{found.folder} lacks {len(missing)} of its weights, the first of them {missing[0]}")
    return model.eval(), tokenizer


def _facets(texts: Texts, found: Checkpoint, languages: Sequence[str]) -> tuple[Facet, ...]:
    """What is asked of a picture: the names that a classifier would know and the taxonomy's prompts, each the mean of its texts."""
    taxonomy = load_taxonomy()
    began_s = time.perf_counter()
    names = {
        id_: [PROMPT[of].format(getattr(taxonomy.labels[id_].name, of)) for of in languages]
        for id_ in taxonomy.imagenet
    }
    facets = []
    for facet in FACETS:
        mine = sorted((one for one in taxonomy.prompted if one.of == facet), key=lambda one: not one.told)
        asked = names if facet == SCENES else {}
        asked = asked | {one.id: [text for of in languages for text in getattr(one, of)] for one in mine}
        labels = tuple(id_ for id_ in asked if id_ in taxonomy.labels)
        facets.append(Facet(labels, _means(texts, list(asked.values())), whole=facet != SCENES))
    told = sum(len(facet.labels) for facet in facets)
    logger.info("%s: %d labels named in %.1f s", found.folder, told, time.perf_counter() - began_s)
    return tuple(facets)


def _means(texts: Texts, asked: Sequence[Sequence[str]]) -> Vectors:
    """float32 [len(asked), raw dim], unit length: the direction between the texts of each."""
    vectors = texts.encode_text([text for group in asked for text in group])
    starts = np.cumsum([0, *(len(group) for group in asked[:-1])])
    sums = np.add.reduceat(vectors, starts)
    means: Vectors = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return means
