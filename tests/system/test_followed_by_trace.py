"""One picture, followed by its trace through the logs of separate processes."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import httpx
import pytest
from local_system import LocalSystem, paint, wait_until

pytestmark = [pytest.mark.system]

HOPS = {
    ("gateway", "http"),
    ("ingest", "rpc IngestService/PutMedia"),
    ("embed", "embed"),
    ("ingest", "ingest outcome"),
    ("profile", "profile media.embedded"),
}


def test_the_logs_of_every_process_tell_of_one_upload_by_its_trace(system: LocalSystem, tmp_path: Path) -> None:
    trace_id = secrets.token_hex(16)
    [picture] = paint(tmp_path, 1, [(20, 90, 160)], seed=77)
    headers = {"Authorization": f"Bearer {system.folder.key()}", "traceparent": f"00-{trace_id}-{'c' * 16}-01"}
    with httpx.Client(base_url=system.runtime.url, headers=headers, timeout=30) as client:
        given = client.post("/v1/media", files={"file": ("secret-name.jpg", picture.read_bytes())})
        assert given.status_code == 202

    def lines() -> list[dict]:
        text = "".join(log.read_text() for log in system.folder.logs.glob("*.log"))
        assert "secret-name" not in text
        return [json.loads(line) for line in text.splitlines() if trace_id in line]

    wait_until(lambda: {(line["service"], line.get("span")) for line in lines()} >= HOPS, 30, lines)
    media_id = given.json()["media_id"]
    found = [line for line in lines() if (line["service"], line.get("span")) in HOPS - {("gateway", "http")}]
    assert {line["media_id"] for line in found} == {media_id}
    parents = {line["span_id"] for line in lines()} | {"c" * 16}
    assert all(line["parent_id"] in parents for line in lines())
