"""The real servers of the faults, as a system that reaches them by the proxy takes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.servers import RealServers
from nungil.cli.stack import SERVERS
from nungil.local_servers.running import family_of, local_servers

PORTS = {name: 1000 + n for n, name in enumerate(SERVERS)} | {f"proxy_{name}": 2000 + n for n, name in enumerate(SERVERS)}  # fmt: skip
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
input()
"""


def test_a_server_that_was_started_again_is_the_one_behind_the_proxy(tmp_path: Path) -> None:
    servers = RealServers(tmp_path, tmp_path / "proxied", local_servers(folder=tmp_path))
    for pid in (11, 12):
        (tmp_path / "servers.json").write_text(json.dumps({"ports": PORTS, "password": "p", "processes": {"kafka": {"pid": pid}}}))  # fmt: skip
        taken = json.loads((servers.proxied() / "servers.json").read_text())
        assert taken["processes"] == {"kafka": {"pid": pid}}
        assert {name: taken["ports"][name] for name in SERVERS} == {n: PORTS[f"proxy_{n}"] for n in SERVERS}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this machine tells of no children in /proc")
def test_a_server_is_paused_with_children_that_left_its_group() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout
    try:
        child = int(parent.stdout.readline())
        assert os.getpgid(child) != os.getpgid(parent.pid)
        assert list(family_of(parent.pid)) == [parent.pid, child]
    finally:
        parent.communicate(b"\n")
