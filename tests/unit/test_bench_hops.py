"""The hops of an upload, from the lines that services log."""

from __future__ import annotations

import json

import pytest

from bench.upload_to_searchable import HOPS, Given, hops_of, spans_of

EMBED = {
    "span": "embed",
    "trace_id": "t",
    "appended_at_ms": 1010,
    "began_at_ms": 1030,
    "prepare_ms": 5.0,
    "forward_ms": 40.0,
    "finish_ms": 5.0,
    "index_ms": 15.0,
    "publish_ms": 5.0,
}
STATE = {"span": "ingest outcome", "trace_id": "t", "began_at_ms": 1110, "ms": 4.0}


def given(answered_at_ms: float) -> Given:
    return Given("t", "m-1", answered_at_ms, 20.0)


def test_hops_follow_each_other_from_the_answer_to_the_state():
    hops = hops_of(given(1000.0), [STATE, EMBED])
    assert hops == [10, 20, 5, 40, 5, 15, 5, 10, 4]
    assert len(hops) == len(HOPS)
    assert sum(hops) == pytest.approx(1114 - 1000)


def test_what_was_over_before_the_answer_took_no_time_after_it():
    hops = hops_of(given(1050.0), [EMBED, STATE])
    assert hops[:4] == [0, 0, 0, 25]
    assert sum(hops) == pytest.approx(1114 - 1050)


def test_lines_of_other_traces_and_other_logs_are_left_out(tmp_path):
    (tmp_path / "embed.log").write_text("\n".join(map(json.dumps, [EMBED, EMBED | {"trace_id": "other"}])))
    (tmp_path / "milvus-lite.log").write_text("listening, with no span at all")
    assert spans_of(tmp_path, [given(0.0)]) == {"t": [EMBED]}
