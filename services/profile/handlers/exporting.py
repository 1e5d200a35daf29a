"""All that profile keeps of a person, as files that a person can read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from sqlalchemy import Engine, Row, Table

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.profile.v1 import profile_pb2
from nungil.database.open import reading
from services.profile.handlers.people import must_exist
from services.profile.store import erasures_rows as rows
from services.profile.store import people_rows, tables

Part = tuple[str, bytes]
"""A path where a file begins, else empty; and bytes of it."""

_CHUNK_BYTES = 64 * 1024
_WORDS = {  # columns that hold a number of a proto enum
    ("consents", "purpose"): profile_pb2.ConsentPurpose,
    ("journal", "kind"): profile_pb2.ActivityKind,
}


@dataclass(frozen=True)
class Answer:
    """What a person is shown, as a file of this name. rpc: a method of a servicer of ours. request: its kind, which has a caller."""

    name: str
    rpc: Callable[[Any, Any], Message]
    request: Callable[..., Message]

    def __call__(self, caller: Caller) -> Message:
        return self.rpc(self.request(caller=caller), None)


@dataclass(frozen=True)
class Export:
    """answers: what profile answers a person who asks. Whatever is kept is added as it is, a file a table."""

    engine: Engine
    answers: Sequence[Answer]

    def __call__(self, tenant: str, person_id: str) -> Iterator[Part]:
        """Raises UnknownPerson. Rows are read a page at a time, each page a view of its own."""
        with reading(self.engine) as c:
            must_exist(people_rows.has_person(c, tenant, person_id), person_id)
        caller = Caller(tenant=tenant, person_id=person_id)
        for answer in self.answers:
            said = MessageToDict(
                answer(caller), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            yield from _file(f"profile/{answer.name}.json", [json.dumps(said, ensure_ascii=False, indent=2)])
        for table in (tables.PEOPLE, *rows.tables_of_people()):
            yield from _file(f"profile/kept/{table.name}.json", _as_list(self._rows(table, person_id)))

    def _rows(self, table: Table, person_id: str) -> Iterator[dict[str, Any]]:
        if table is tables.PEOPLE:
            with reading(self.engine) as c:
                found = c.execute(table.select().where(table.c.person_id == person_id)).all()
            yield from (readable(table, row) for row in found)
            return
        last: Row[Any] | None = None
        while True:
            with reading(self.engine) as c:
                page = rows.rows_of_person(c, table, person_id, last)
            if not page:
                return
            yield from (readable(table, row) for row in page)
            last = page[-1]


def readable(table: Table, row: Row[Any]) -> dict[str, Any]:
    """A row with its times as ISO 8601, its numbers that stand for words as words, and its JSON as JSON."""
    shown: dict[str, Any] = {}
    for name, value in row._mapping.items():
        if name in ("tenant", "person_id") and table is not tables.PEOPLE:
            continue
        if (words := _WORDS.get((table.name, name))) is not None:
            shown[name] = words.Name(value).lower() if value in words.values() else value
        elif name.endswith("_at_ms") and value is not None:
            shown[name.removesuffix("_ms")] = datetime.fromtimestamp(value / 1000, UTC).isoformat()
        else:
            shown[name] = _plain(value)
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _as_list(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield "["
    for n, entry in enumerate(entries):
        yield ("," if n else "") + "\n" + json.dumps(entry, ensure_ascii=False)
    yield "\n]\n"


def _file(path: str, texts: Iterable[str]) -> Iterator[Part]:
    held = bytearray()
    for text in texts:
        held += text.encode()
        while len(held) >= _CHUNK_BYTES:
            yield path, bytes(held[:_CHUNK_BYTES])
            del held[:_CHUNK_BYTES]
            path = ""
    yield path, bytes(held)
