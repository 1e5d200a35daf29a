"""A member of a group in the SQLite event log.

The members of a group share its partitions without a leader: each counts the live members in a transaction, keeps at
most its share, and takes what is free. A `generation` that grows with every change tells the others to count again.
Rows of `claim` say who owns a partition and up to where it is committed; a commit writes only where the member still
owns it, which is the fence.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Sequence

from nungil.database.sqlite import writing
from nungil.event_log.errors import PartitionLost
from nungil.event_log.port import Record
from nungil.event_log.sqlite_reader import Reader, Waiter
from nungil.event_log.sqlite_schema import Partition, translated
from nungil.runtime.ids import new_event_id

logger = logging.getLogger(__name__)


def _monotonic_ms() -> int:
    """The same in all processes of a machine, and it stands still while the machine sleeps: nobody dies of a closed lid."""
    return time.monotonic_ns() // 1_000_000


class SqliteSubscription:
    """See port.Subscription. Its connection belongs to it alone."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        partitions: Sequence[Partition],
        *,
        group: str,
        session_timeout_s: float,
    ) -> None:
        self._connection = connection
        self._partitions = {partition.id: partition for partition in partitions}
        self._group = group
        self._id = new_event_id()
        self._timeout_ms = int(1000 * session_timeout_s)
        self._heartbeat_ms = self._timeout_ms // 6
        self._reader = Reader(connection)
        self._waiter = Waiter(connection)
        self._committed: dict[Partition, int] = {}
        self._lost: set[Partition] = set()
        self._generation = -1
        self._beat_ms = 0

    def join(self) -> None:
        """Becomes a member, and takes what is free of its share."""
        with translated():
            with writing(self._connection) as c:
                c.execute("INSERT INTO consumer_group (name) VALUES (?) ON CONFLICT DO NOTHING", (self._group,))
                c.executemany(
                    "INSERT INTO claim (group_name, partition) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    [(self._group, partition_id) for partition_id in self._partitions],
                )
            self._share()

    def leave(self) -> None:
        """Frees its partitions for the others at once."""
        try:
            with writing(self._connection) as c:
                c.execute("DELETE FROM member WHERE id = ?", (self._id,))
                c.execute("UPDATE claim SET owner = NULL WHERE group_name = ? AND owner = ?", (self._group, self._id))
                c.execute("UPDATE consumer_group SET generation = generation + 1 WHERE name = ?", (self._group,))
        except sqlite3.Error as error:
            logger.warning("left group %s without a word, its session will time out: %s", self._group, error)

    def poll(self, *, max_records: int, timeout_s: float) -> Sequence[Record]:
        def look() -> list[Record]:
            if self._heartbeat_due() or self._group_changed():
                self._share()
            return self._reader.take(max_records)

        with translated():
            return self._waiter.wait_for(look, due=self._heartbeat_due, timeout_s=timeout_s)

    def keep_alive(self) -> None:
        if not self._heartbeat_due():
            return
        now = _monotonic_ms()
        with translated():
            self._connection.execute("UPDATE member SET seen_ms = ? WHERE id = ?", (now, self._id))
        self._beat_ms = now

    def commit(self) -> None:
        moved = {p: at for p, at in self._reader.positions.items() if at != self._committed[p]}
        lost = set(self._lost)
        if moved:
            with translated(), writing(self._connection) as c:
                for partition, position in moved.items():
                    owned = c.execute(
                        "UPDATE claim SET position = ? WHERE group_name = ? AND partition = ? AND owner = ?",
                        (position, self._group, partition.id, self._id),
                    ).rowcount
                    if not owned:
                        lost.add(partition)
        self._committed |= moved
        self._lost.clear()
        if lost:
            self._generation = -1  # the next poll counts again, and drops what it lost
            names = ", ".join(sorted(f"{partition.topic}[{partition.number}]" for partition in lost))
            raise PartitionLost(f"{names} went to another member of {self._group}")

    def _heartbeat_due(self) -> bool:
        return _monotonic_ms() - self._beat_ms >= self._heartbeat_ms

    def _group_changed(self) -> bool:
        row = self._connection.execute(
            "SELECT generation FROM consumer_group WHERE name = ?", (self._group,)
        ).fetchone()
        return bool(row[0] != self._generation)

    def _share(self) -> None:
        """Says that it lives, buries the dead, and moves towards its fair share of each topic."""
        now = _monotonic_ms()
        with writing(self._connection) as c:
            members = self._live_members(now)
            claims = {
                self._partitions[partition_id]: (position, owner)
                for partition_id, position, owner in c.execute(
                    "SELECT partition, position, owner FROM claim WHERE group_name = ?", (self._group,)
                )
                if partition_id in self._partitions
            }
            alive = {member for member, _ in members}
            owners = {p: owner if owner in alive else None for p, (_, owner) in claims.items()}
            kept = [p for p in self._reader.positions if owners[p] == self._id]
            shares = {topic: self._share_of(topic, members) for topic in {p.topic for p in claims}}
            freed = self._beyond(kept, shares)
            mine = [p for p in kept if p not in freed]
            taken = self._within(mine, [p for p, owner in owners.items() if owner is None], shares)
            changed = [(owner, p) for p, owner in owners.items() if owner != claims[p][1]]
            changed += [(None, p) for p in freed] + [(self._id, p) for p in taken]
            c.executemany(
                "UPDATE claim SET owner = ? WHERE group_name = ? AND partition = ?",
                [(owner, self._group, p.id) for owner, p in changed],
            )
            if changed:
                c.execute("UPDATE consumer_group SET generation = generation + 1 WHERE name = ?", (self._group,))
            [generation] = c.execute("SELECT generation FROM consumer_group WHERE name = ?", (self._group,)).fetchone()
        self._lost |= {p for p, at in self._reader.positions.items() if p not in kept and at != self._committed[p]}
        self._reader.positions = {p: self._reader.positions[p] for p in mine} | {p: claims[p][0] for p in taken}
        self._committed = {p: self._committed[p] for p in mine} | {p: claims[p][0] for p in taken}
        self._generation = generation
        self._beat_ms = now

    def _live_members(self, now: int) -> list[tuple[str, list[str]]]:
        """The members in the order of their joining, this one among them; a clock ahead of ours is from before a reboot."""
        self._connection.execute(
            "DELETE FROM member WHERE group_name = ? AND id <> ? AND abs(? - seen_ms) > ?",
            (self._group, self._id, now, self._timeout_ms),
        )
        known = self._connection.execute("SELECT 1 FROM member WHERE id = ?", (self._id,)).fetchone()
        if known:
            self._connection.execute("UPDATE member SET seen_ms = ? WHERE id = ?", (now, self._id))
        else:
            topics = json.dumps(sorted({partition.topic for partition in self._partitions.values()}))
            self._connection.execute("INSERT INTO member VALUES (?, ?, ?, ?)", (self._id, self._group, topics, now))
            self._connection.execute(
                "UPDATE consumer_group SET generation = generation + 1 WHERE name = ?", (self._group,)
            )
        rows = self._connection.execute(
            "SELECT id, topics FROM member WHERE group_name = ? ORDER BY id", (self._group,)
        )
        return [(member, json.loads(topics)) for member, topics in rows]

    def _share_of(self, topic: str, members: Sequence[tuple[str, list[str]]]) -> int:
        """How many partitions of `topic` this member may hold; the members that came first hold the odd ones."""
        readers = [member for member, topics in members if topic in topics]
        each, odd = divmod(sum(p.topic == topic for p in self._partitions.values()), len(readers))
        return each + (readers.index(self._id) < odd)

    def _beyond(self, held: Sequence[Partition], shares: dict[str, int]) -> set[Partition]:
        """What to hand over: never a partition with records polled and not committed, so that nothing is read twice."""
        freed: set[Partition] = set()
        for topic, share in shares.items():
            of_topic = [p for p in held if p.topic == topic]
            settled = [p for p in of_topic if self._reader.positions[p] == self._committed[p]]
            freed.update(settled[: max(0, len(of_topic) - share)])
        return freed

    def _within(self, held: Sequence[Partition], free: Sequence[Partition], shares: dict[str, int]) -> list[Partition]:
        taken: list[Partition] = []
        for topic, share in shares.items():
            room = share - sum(p.topic == topic for p in held)
            taken += [p for p in free if p.topic == topic][: max(0, room)]
        return taken
