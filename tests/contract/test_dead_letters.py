"""Dead letters from the operator's side: listed without content, brought back to the one group that put them away."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import real_servers
from click.testing import CliRunner, Result
from kafka_builders import a_kafka_url

from nungil.cli.main import main
from nungil.event_log.consume import consume
from nungil.event_log.dead_letters import DEAD_REASON, ONLY_GROUP, DeadLetters
from nungil.event_log.open import open_event_log
from nungil.event_log.port import EventLog, NewRecord, Record
from nungil.event_log.replay import read_dead_letters, replay
from nungil.event_log.topics import ITEM_CHANGED, MEDIA_CHANGED, dead_topic
from nungil.runtime.errors import DependencyAway, Misconfigured, Rejected

SECRET = b"what-is-in-the-record"


@pytest.fixture(params=["sqlite", *real_servers.where("NUNGIL_TEST_KAFKA", "kafka")])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path}/log.db"
    else:
        with a_kafka_url() as url:
            yield url


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    with open_event_log(url) as log:
        yield log


class AGroup:
    """A service that counts what it handled, idempotently, and fails as a test wishes."""

    def __init__(self, log: EventLog, name: str, topic: str = MEDIA_CHANGED) -> None:
        self.log, self.name, self.topic = log, name, topic
        self.fails_on: Callable[[Record], Exception | None] = lambda record: None
        self.effects: dict[bytes, int] = {}
        self.calls: Counter[bytes] = Counter()

    def handle(self, batch: Sequence[Record]) -> list[tuple[Record, Rejected]]:
        rejected = []
        for record in batch:
            value = record.value or b""
            self.calls[value] += 1
            error = self.fails_on(record)
            if isinstance(error, Rejected):
                rejected.append((record, error))
            elif error is not None:
                raise error
            else:
                self.effects[value] = 1
        return rejected

    def run(self) -> None:
        """Until everything is committed."""
        stop, pause = threading.Event(), threading.Event()
        with self.log.subscribe([self.topic], group=self.name) as records:
            dead = DeadLetters(self.log, group=self.name)
            thread = threading.Thread(target=consume, args=(records, self.handle, dead, stop))
            thread.start()
            for _ in range(1000):
                if not self.log.lag([self.topic], group=self.name)[self.topic] or not thread.is_alive():
                    break
                pause.wait(0.02)
            stop.set()
            thread.join()
        assert self.log.lag([self.topic], group=self.name)[self.topic] == 0


def append(log: EventLog, *values: bytes, topic: str = MEDIA_CHANGED, key: str = "m-1") -> None:
    log.append(
        [NewRecord(topic, key, value, {"event": "MediaChanged", "traceparent": "00-a-b-01"}) for value in values]
    )


def records(log: EventLog, topic: str, count: int) -> list[Record]:
    """The first `count`; the test's own time limit ends the wait for what never comes."""
    found: list[Record] = []
    with log.tail([topic], since="start") as tail:
        while len(found) < count:
            found += tail.poll(max_records=100, timeout_s=1)
    return found


def a_bug_on(value: bytes) -> Callable[[Record], Exception | None]:
    return lambda record: KeyError("a forgotten column") if record.value == value else None


def ask(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["dead", *arguments, "--event-log-url", url])


def document(url: str, *arguments: str) -> Any:
    done = ask(url, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_record_that_met_a_bug_is_handled_once_after_the_fix_and_by_its_group_alone(log: EventLog, url: str) -> None:
    append(log, b"first", SECRET, b"last")
    embed, profile = AGroup(log, "embed"), AGroup(log, "profile")
    embed.fails_on = a_bug_on(SECRET)
    embed.run()
    profile.run()
    assert embed.effects.keys() == {b"first", b"last"}
    assert embed.calls[SECRET] == 2  # in its batch, and once more alone

    [letter] = document(url, "list")["dead"]
    assert letter["reason"] == "bug: KeyError: 'a forgotten column'"
    assert (letter["topic"], letter["group"], letter["offset"], letter["key"]) == (MEDIA_CHANGED, "embed", 1, "m-1")
    assert (letter["event"], letter["bytes"], letter["outcome"]) == ("MediaChanged", len(SECRET), None)

    embed.fails_on = lambda record: None
    assert document(url, "replay", "--id", letter["id"]) == {"replayed": [letter["id"]], "superseded": []}
    embed.run()
    profile.run()
    assert embed.effects == {b"first": 1, SECRET: 1, b"last": 1}
    assert embed.calls[SECRET] == 3
    assert profile.calls == {b"first": 1, SECRET: 1, b"last": 1}
    [letter] = document(url, "list")["dead"]
    assert letter["outcome"] == "replayed"
    assert letter["settled_at"] >= letter["at"]
    assert document(url, "replay", "--all") == {"replayed": [], "superseded": []}


def test_a_replayed_record_comes_back_as_it_was_to_the_place_of_its_key(log: EventLog) -> None:
    append(log, SECRET)
    embed = AGroup(log, "embed")
    embed.fails_on = lambda record: Rejected("no event")
    embed.run()
    replay(log, *read_dead_letters(log))
    before, after = records(log, MEDIA_CHANGED, 2)
    assert (after.key, after.value, after.partition) == (before.key, before.value, before.partition)
    assert after.headers == {**before.headers, ONLY_GROUP: "embed"}


def test_what_fails_again_is_a_dead_letter_again(log: EventLog, url: str) -> None:
    append(log, SECRET)
    embed = AGroup(log, "embed")
    embed.fails_on = lambda record: Rejected("not yet mended")
    embed.run()
    document(url, "replay", "--all")
    embed.run()
    first, second = document(url, "list")["dead"]
    assert (first["outcome"], second["outcome"]) == ("replayed", None)
    assert second["offset"] == 1
    embed.fails_on = lambda record: None
    assert document(url, "replay", "--all")["replayed"] == [second["id"]]
    embed.run()
    assert embed.effects == {SECRET: 1}


def test_a_batch_of_records_for_another_group_is_committed_without_a_call(log: EventLog) -> None:
    log.append([NewRecord(MEDIA_CHANGED, "m-1", b"x", {ONLY_GROUP: "profile"})])
    embed = AGroup(log, "embed")
    embed.fails_on = lambda record: AssertionError("not for us")
    embed.run()
    assert not embed.calls
    assert read_dead_letters(log) == []


def test_a_letter_that_was_put_away_twice_is_one(log: EventLog) -> None:
    append(log, SECRET)
    [record] = records(log, MEDIA_CHANGED, 1)
    dead = DeadLetters(log, group="embed")
    dead.put(record, reason="before a crash")
    dead.put(record, reason="after it")
    [letter] = read_dead_letters(log)
    assert letter.reason == "after it"


def test_a_dependency_that_is_away_leaves_no_letter(log: EventLog) -> None:
    append(log, b"a", b"b")
    embed = AGroup(log, "embed")
    away = iter([DependencyAway("the index is away")] * 3)
    embed.fails_on = lambda record: next(away, None)
    embed.run()
    assert embed.effects.keys() == {b"a", b"b"}
    assert read_dead_letters(log) == []


def test_letters_are_listed_oldest_first_and_by_topic_and_group(log: EventLog, url: str) -> None:
    append(log, b"a", b"b")
    append(log, b"c", topic=ITEM_CHANGED, key="acme/i-1")
    for group, topic in (("embed", MEDIA_CHANGED), ("profile", MEDIA_CHANGED), ("search", ITEM_CHANGED)):
        one = AGroup(log, group, topic)
        one.fails_on = lambda record: Rejected("no event")
        one.run()
    listed = [letter["id"].rsplit("/", 2)[0] for letter in document(url, "list")["dead"]]
    assert listed == ["media.changed/embed"] * 2 + ["media.changed/profile"] * 2 + ["item.changed/search"]
    assert len(document(url, "list", "--group", "profile")["dead"]) == 2
    assert len(document(url, "list", "--topic", ITEM_CHANGED)["dead"]) == 1
    replayed = document(url, "replay", "--all", "--group", "profile")["replayed"]
    assert [id_.split("/")[1] for id_ in replayed] == ["profile", "profile"]


def test_content_is_never_shown(log: EventLog, url: str) -> None:
    append(log, SECRET)
    embed = AGroup(log, "embed")
    embed.fails_on = lambda record: Rejected("no \x1b[31mevent\n in [bold]it")
    embed.run()
    table, listed = ask(url, "list").output, json.dumps(document(url, "list"))
    assert SECRET.decode() not in table + listed
    assert "\x1b" not in table
    assert "[bold]" in table
    assert "1 of 1 wait for an operator" in table


def test_an_older_state_is_not_put_over_a_newer_one(log: EventLog, url: str) -> None:
    append(log, b"old", b"new", topic=ITEM_CHANGED, key="acme/i-1")
    append(log, b"only", topic=ITEM_CHANGED, key="acme/i-2")
    search = AGroup(log, "search", ITEM_CHANGED)
    search.fails_on = lambda record: None if record.value == b"new" else Rejected("a kind of item we did not know")
    search.run()
    search.fails_on = lambda record: None
    done = document(url, "replay", "--all")
    assert [len(done[name]) for name in ("replayed", "superseded")] == [1, 1]
    search.run()
    assert search.effects.keys() == {b"new", b"only"}
    assert search.calls[b"old"] == 1
    last = {record.key: record for record in records(log, ITEM_CHANGED, 4)}
    assert last["acme/i-1"].value == b"new"
    assert ONLY_GROUP not in last["acme/i-2"].headers  # the state of its key is everyone's
    assert {letter["outcome"] for letter in document(url, "list")["dead"]} == {"replayed", "superseded"}


def test_letters_can_be_read_where_only_a_marker_is_left(log: EventLog) -> None:
    marker = {"dead-topic": MEDIA_CHANGED, "dead-partition": "3", "dead-offset": "9", "dead-outcome": "replayed"}
    log.append([NewRecord(dead_topic(MEDIA_CHANGED, "embed"), "m-1", None, marker)])
    assert read_dead_letters(log) == []


def test_a_tombstone_that_failed_is_a_letter_too(log: EventLog) -> None:
    log.append([NewRecord(ITEM_CHANGED, "not a key of an item", None)])
    search = AGroup(log, "search", ITEM_CHANGED)
    search.fails_on = lambda record: Rejected("no item")
    search.run()
    [letter] = read_dead_letters(log)
    assert letter.record.value is None
    assert letter.record.headers[DEAD_REASON] == "no item"


def test_a_reader_that_there_is_not_is_named(log: EventLog, url: str) -> None:
    with pytest.raises(Misconfigured, match=r"media\.changed by embed"):
        read_dead_letters(log, group="studio")
    assert ask(url, "list", "--group", "studio").exit_code == 2


@pytest.mark.parametrize("arguments", [["replay"], ["replay", "--all", "--id", "media.changed/embed/0/0"]])
def test_replaying_needs_to_know_which(url: str, arguments: list[str]) -> None:
    assert ask(url, *arguments).exit_code == 2


def test_an_unknown_letter_replays_nothing(log: EventLog, url: str) -> None:
    done = ask(url, "replay", "--id", "media.changed/embed/0/99")
    assert done.exit_code == 1
    assert "no dead letter media.changed/embed/0/99" in done.output


def test_the_log_is_that_of_the_data_folder(tmp_path: Path) -> None:
    nothing = CliRunner().invoke(main, ["dead", "list", "--data", str(tmp_path / "empty")])
    assert nothing.exit_code == 3
    assert not (tmp_path / "empty").exists()
    with open_event_log(f"sqlite://{tmp_path}/log.db"):
        pass
    listed = CliRunner().invoke(main, ["dead", "list", "--data", str(tmp_path)])
    assert (listed.exit_code, listed.stdout) == (0, "no dead letters\n")
