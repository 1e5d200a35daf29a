"""The forward pass by torch: on a processor one picture a thread, on a GPU full batches with their copies overlapped.

Both run a network that takes uint8 [n, px, px, 3] and gives its maps and the label probabilities of each cell.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nungil.encoder.network_encoder import ForwardPass
from nungil.encoder.port import Encoded, EncoderSpace, Pixels
from nungil.encoder.precision import wants_bf16
from nungil.runtime.errors import Misconfigured

logger = logging.getLogger(__name__)

GPU_BATCHES = (8, 64)  # a network is compiled for each: a batch is filled up to the smallest that holds it
SLOTS = 2  # while one batch is computed, the next is copied there and the one before copied back
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def device_of(asked: str) -> torch.device:
    """asked: auto, cpu or cuda. Raises Misconfigured where "cuda" is asked and there is none."""
    present = torch.cuda.is_available()
    if asked == "cuda" and not present:
        raise Misconfigured("NUNGIL_DEVICE is cuda and torch sees none; use auto or cpu")
    return torch.device("cuda" if present and asked != "cpu" else "cpu")


def torch_forward(network: nn.Module, space: EncoderSpace, device: torch.device, precision: str) -> ForwardPass:
    """precision: one of PRECISIONS. On a processor "auto" is fp32: without instructions for it bf16 is ten times slower."""
    on_gpu = device.type == "cuda"
    bf16 = wants_bf16(precision, able=on_gpu and torch.cuda.is_bf16_supported())
    logger.info("encoder %s: torch on %s, %s", space.name, device.type, "bf16" if bf16 else "fp32")
    return GpuForward(network, device, space.input_px, bf16=bf16) if on_gpu else CpuForward(network, bf16=bf16)


def linear(matrix: NDArray[Any]) -> nn.Linear:
    """A layer that takes x to x @ matrix. matrix: [raw, dim]."""
    raw_dim, dim = matrix.shape
    layer = nn.Linear(raw_dim, dim, bias=False)
    layer.weight = nn.Parameter(torch.from_numpy(matrix.astype(np.float32).T.copy()), requires_grad=False)
    return layer


class CpuForward:
    """Each picture on one thread, and as many pictures at once as there are cores.

    Threads that share one picture wait for each other in every layer: on a machine that is also doing something else that
    was 5 to 10 times slower.
    """

    def __init__(self, network: nn.Module, *, bf16: bool) -> None:
        torch.set_num_threads(1)  # of each of our threads
        _keep_freed_memory()
        self._network = network.to(memory_format=torch.channels_last).eval()
        self._bf16 = bf16
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="forward")

    def __call__(self, batch: Pixels) -> Encoded:
        """uint8 [n, px, px, 3] -> maps."""
        encoded = list(self._threads.map(self._one, (batch[n : n + 1] for n in range(len(batch)))))
        return _joined(encoded)

    def close(self) -> None:
        """Ends its threads."""
        self._threads.shutdown()

    @torch.inference_mode()
    def _one(self, picture: Pixels) -> Encoded:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            maps, labels = self._network(torch.from_numpy(np.ascontiguousarray(picture)))
        return Encoded(maps.float().numpy(), labels.float().numpy())


class GpuForward:
    """Batches of GPU_BATCHES pictures, in SLOTS streams, so that copying to and from the GPU costs no time of its own.

    bfloat16 keeps vectors in the same space (cosine at least 0.99); TensorFloat-32 stays off, so that fp32 is fp32.
    device: "cuda"; on "cpu" the same batches and slots run one after another, which is how they are tested.
    """

    def __init__(self, network: nn.Module, device: torch.device, px: int, *, bf16: bool, compile_: bool = True) -> None:
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        self._device = device
        self._px = px
        self._bf16 = bf16
        self._eager: Any = network.to(device).to(memory_format=torch.channels_last).eval()
        self._network: Any = self._eager
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # the slots' streams do not wait for the one that moved the network
        self._slots = [_Slot(device, px) for _ in range(SLOTS)]
        if compile_:
            self._compile()

    def __call__(self, batch: Pixels) -> Encoded:
        """uint8 [n, px, px, 3] -> maps."""
        landed: list[Encoded] = []
        flying: deque[_Slot] = deque()
        for number, chunk in enumerate(_chunks(batch)):
            if len(flying) == SLOTS:
                landed.append(flying.popleft().land())
            slot = self._slots[number % SLOTS]
            self._launch(chunk, slot)
            flying.append(slot)
        landed += [slot.land() for slot in flying]
        return _joined(landed)

    def close(self) -> None:
        """Gives the GPU's memory back."""
        self._slots.clear()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _launch(self, chunk: Pixels, slot: _Slot) -> None:
        with slot.stream(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            maps, labels = self._network(slot.take(chunk))
            slot.give(maps, labels)

    def _compile(self) -> None:
        """Compiled for every size of batch, where that works; it needs a C compiler beside the GPU."""
        try:
            self._network = torch.compile(self._eager, dynamic=False)
            for size in GPU_BATCHES:
                self(np.zeros((size, self._px, self._px, 3), dtype=np.uint8))
        except Exception as error:  # torch's compilers raise whatever they like
            logger.warning("the network cannot be compiled here, it runs as it is: %s", str(error).partition("\n")[0])
            self._network = self._eager


class _Slot:
    """Memory of one batch on its way, and the stream in which it goes."""

    def __init__(self, device: torch.device, px: int) -> None:
        self._device = device
        self._pinned = device.type == "cuda"  # pages that the GPU copies by itself
        self._stream = torch.cuda.Stream(device) if self._pinned else None  # type: ignore[no-untyped-call]
        self._pixels = torch.empty((GPU_BATCHES[-1], px, px, 3), dtype=torch.uint8, pin_memory=self._pinned)
        self._answers: list[torch.Tensor] = []
        self._n = 0

    def stream(self) -> AbstractContextManager[Any]:
        """What is done inside goes into this slot's stream."""
        return torch.cuda.stream(self._stream) if self._stream else nullcontext()

    def take(self, chunk: Pixels) -> torch.Tensor:
        """The chunk on the device, filled up to the next size of GPU_BATCHES."""
        self._n = len(chunk)
        size = next(size for size in GPU_BATCHES if size >= self._n)
        self._pixels[: self._n].copy_(torch.from_numpy(np.ascontiguousarray(chunk)))
        return self._pixels[:size].to(self._device, non_blocking=True)

    def give(self, *answers: torch.Tensor) -> None:
        """Starts to copy the answers back."""
        if not self._answers:
            shapes = [(GPU_BATCHES[-1], *answer.shape[1:]) for answer in answers]
            self._answers = [torch.empty(shape, dtype=torch.float32, pin_memory=self._pinned) for shape in shapes]
        for kept, answer in zip(self._answers, answers, strict=True):
            kept[: self._n].copy_(answer[: self._n].float(), non_blocking=True)

    def land(self) -> Encoded:
        """Waits for what is in the stream. A copy: the slot is used again."""
        if self._stream:
            self._stream.synchronize()
        maps, labels = (kept[: self._n].numpy().copy() for kept in self._answers)
        return Encoded(maps, labels)


def _chunks(batch: Pixels) -> Iterator[Pixels]:
    for start in range(0, len(batch), GPU_BATCHES[-1]):
        yield batch[start : start + GPU_BATCHES[-1]]


def _joined(encoded: list[Encoded]) -> Encoded:
    return Encoded(np.concatenate([e.maps for e in encoded]), np.concatenate([e.label_maps for e in encoded]))


def _keep_freed_memory() -> None:
    """Tells glibc to keep the megabytes that each layer frees for the next one; where there is another libc, nothing.

    Otherwise it gives them back to the kernel and asks again: 5,800 page faults a picture, a quarter of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the largest that glibc takes
        mallopt(_M_TRIM_THRESHOLD, 512 << 20)
