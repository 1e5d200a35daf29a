"""A decoder process: one picture at a time, within limits, until its parent is gone. Started by `decoders`.

    python -m nungil.pictures.decoder_process MODULE:JOBS MEMORY_BYTES CPU_S

Its standard input is a socket, its only open file; once it is ready it can open no other, nor write to any. Limits, on Linux:
memory beyond what it holds when ready (RLIMIT_AS), CPU time a picture (RLIMIT_CPU), no further file descriptors and so no
network (RLIMIT_NOFILE), no written files (RLIMIT_FSIZE). macOS does not enforce RLIMIT_AS: there only the others hold. They
guard against what breaks a decoder; against code that takes one over, they are a hurdle, not a sandbox.
"""

from __future__ import annotations

import os
import pkgutil
import resource
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nungil.pictures.decoder_jobs import Job, warm_up
from nungil.pictures.decoder_messages import Head, Part, receive, send
from nungil.runtime.errors import Rejected

READY = "ready"
REJECTED = "rejected"
OUT_OF_MEMORY = "out of memory"
BUG = "bug"
DONE = "done"


def main(jobs_name: str, memory_bytes: int, cpu_s: int) -> None:
    """Answers until the other end closes."""
    for number in (signal.SIGINT, signal.SIGTERM):  # its parent decides: the picture in hand is finished first
        signal.signal(number, signal.SIG_IGN)
    jobs: Mapping[str, Job] = pkgutil.resolve_name(jobs_name)
    warm_up()
    with socket.socket(fileno=0) as channel:
        _confine(memory_bytes)
        send(channel.send, {"kind": READY})
        while True:
            try:
                head, [data] = receive(channel.recv_into)
            except (EOFError, ConnectionError):
                return
            _grant(cpu_s)
            answer, parts = _answer(jobs[head["job"]], bytes(data), head["order"])
            send(channel.send, answer, parts)
            if answer["kind"] == OUT_OF_MEMORY:  # nobody knows what was left half done
                return


def _answer(job: Job, data: bytes, order: Mapping[str, object]) -> tuple[Head, Sequence[Part]]:
    try:
        head, parts = job(data, order)
    except Rejected as error:
        return {"kind": REJECTED, "error": type(error).__name__, "message": str(error)}, ()
    except MemoryError:
        return {"kind": OUT_OF_MEMORY}, ()
    except Exception as error:
        return {"kind": BUG, "message": f"{type(error).__name__}: {error}"[:1000]}, ()
    return {"kind": DONE, "result": head}, parts


def _confine(memory_bytes: int) -> None:
    mapped_bytes = _mapped_bytes()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)  # what went wrong before could still be read in the parent's log
    os.close(nothing)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    if sys.platform.startswith("linux"):
        limit = mapped_bytes + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _mapped_bytes() -> int:
    statm = Path("/proc/self/statm")  # Linux: proc(5)
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def _grant(cpu_s: int) -> None:
    """So much CPU time from now on; SIGXCPU ends the process after it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + cpu_s + 1, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
