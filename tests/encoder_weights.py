"""Checkpoints with random weights, of the architectures that encoders take, small enough to be written by a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torchvision
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast, SiglipConfig, SiglipModel

_WORDS = ("<pad>", "<unk>", "<end>", "a", "photo", "of", "red", "blue", "shoe", "dog", "cat", "mountain")
_LAYERS = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
_VISION = {**_LAYERS, "image_size": 64, "patch_size": 16}
_TEXT = {**_LAYERS, "vocab_size": len(_WORDS), "max_position_embeddings": 12, "pad_token_id": 0}


def torchvision_weights(folder: Path, name: str = "resnet18", *, seed: int = 0, classes: int = 1000) -> Path:
    """A file of weights, as torchvision's own are."""
    torch.manual_seed(seed)
    path = folder / f"{name}-{seed}-{classes}.pth"
    torch.save(torchvision.models.get_model(name, weights=None, num_classes=classes).state_dict(), path)
    return path


def clip_folder(folder: Path, *, seed: int = 0) -> Path:
    """A CLIP checkpoint of two layers, 64 px, 4 x 4 patches, 32 numbers a vector."""
    text = {**_TEXT, "eos_token_id": 2, "bos_token_id": 3}
    torch.manual_seed(seed)
    return _saved(
        CLIPModel(CLIPConfig(vision_config=_VISION, text_config=text, projection_dim=32)), folder, "clip", seed
    )


def siglip_folder(folder: Path, *, seed: int = 0) -> Path:
    """A SigLIP checkpoint of two layers, 64 px, 4 x 4 patches, 64 numbers a vector."""
    text = {**_TEXT, "eos_token_id": 2, "bos_token_id": 3, "projection_size": 64}
    torch.manual_seed(seed)
    model = SiglipModel(SiglipConfig(vision_config=_VISION, text_config=text))
    torch.nn.init.zeros_(model.logit_bias)  # the package leaves both as they were in memory
    torch.nn.init.constant_(model.logit_scale, 2.0)
    return _saved(model, folder, "siglip", seed)


def _saved(model: Any, folder: Path, kind: str, seed: int) -> Path:
    to = folder / f"{kind}-{seed}"
    model.save_pretrained(to)
    words = Tokenizer(WordLevel({word: n for n, word in enumerate(_WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="<end>"
    ).save_pretrained(to)
    (to / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.3]})
    )
    return to
