"""Which precision a forward pass computes in."""

from __future__ import annotations

import re
from pathlib import Path

PRECISIONS = ("auto", "fp32", "bf16")
_CPUINFO = Path("/proc/cpuinfo")


def has_amx(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor multiplies tiles of bfloat16. False where the kernel does not tell."""
    if not cpuinfo.exists():
        return False
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    return flags is not None and "amx_bf16" in flags[1].split()


def wants_bf16(precision: str, *, able: bool) -> bool:
    """precision: one of PRECISIONS. able: whether bfloat16 is the faster one here; it decides "auto"."""
    return precision == "bf16" or (precision == "auto" and able)
