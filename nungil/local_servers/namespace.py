"""A network namespace with nothing in it but `lo`: what listens on every interface is then reached by nobody else (Linux)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys

from nungil.runtime.errors import Misconfigured

_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x1 | 0x40


def only_loopback() -> bool:
    """Whether this process sees no network interface but its own loopback."""
    return {name for _, name in socket.if_nameindex()} <= {"lo", "lo0"}


def allowed() -> bool:
    """Whether this process could enter one. Tried in another, since there is no way back."""
    trial = "from nungil.local_servers import namespace; namespace.enter()"
    return subprocess.run([sys.executable, "-c", trial], capture_output=True).returncode == 0


def enter() -> None:
    """Moves this process, and what it starts from now on, into a namespace of its own. Raises Misconfigured where that is not allowed."""
    if not sys.platform.startswith("linux"):
        raise Misconfigured("network namespaces are Linux's; set NUNGIL_ACCEPT_OPEN_PORTS=1 to go without one")
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET if user == 0 else _CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        why = os.strerror(ctypes.get_errno())
        raise Misconfigured(
            f"no network namespace can be made here ({why}): become root, or set NUNGIL_ACCEPT_OPEN_PORTS=1 to go without one"
        )
    if user != 0:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
