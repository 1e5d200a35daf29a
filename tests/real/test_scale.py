"""More processes of a service, and fewer, on Kafka while pictures flow: work is taken over, nothing is lost or counted twice."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from kafka_builders import a_kafka_url
from local_system import wait_until
from PIL import Image

from nungil.api.common.v1.common_pb2 import Caller
from nungil.api.profile.v1.profile_pb2 import IdentifyRequest
from nungil.api.profile.v1.profile_pb2_grpc import ProfileServiceStub
from nungil.api.search.v1.search_pb2 import SearchByCropRequest
from nungil.api.search.v1.search_pb2_grpc import SearchServiceStub
from nungil.cli.api import Api, open_api
from nungil.cli.data_folder import DataFolder
from nungil.cli.plan import Plan, free_port
from nungil.cli.processes import ChildProcess, ServiceProgram
from nungil.cli.stack import embedded_stack
from nungil.cli.up import OWNER, TENANT, give_first_consent, prepare
from nungil.event_log.topics import MEDIA_CHANGED, MEDIA_EMBEDDED
from nungil.runtime.rpc import open_channel

pytestmark = [pytest.mark.real, pytest.mark.system]

PATIENCE_S = 120.0
# What the tiny encoder takes for one label, and so for one interest.
COLOUR, INTEREST = (60, 140, 70), "mountains"
READS = {"embed": MEDIA_CHANGED, "profile": MEDIA_EMBEDDED}
IN_FLIGHT = 30


@dataclass
class Member:
    """One process of a service."""

    program: ServiceProgram
    process: ChildProcess

    def handled(self, topic: str) -> int:
        """Records of a topic that it handled and committed, as it says in its log."""
        lines = self.program.log_path.read_text().splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return sum(entry["records"] for entry in entries if entry.get("topic") == topic and "records" in entry)

    def end(self, by: signal.Signals) -> None:
        """Asks it to end, or ends it; and waits until it is gone."""
        if by == signal.SIGKILL:
            self.process.kill()
        else:
            self.process.terminate()
        code = self.process.popen.wait(PATIENCE_S)
        assert code == (-signal.SIGKILL if by == signal.SIGKILL else 0), self.process.last_words()


@dataclass
class Scaled:
    """The system, one process a service, with its log on Kafka and the rest in the data folder; and its further processes."""

    plan: Plan
    stack: ExitStack
    members: dict[str, Member] = field(default_factory=dict)
    given: int = 0

    def start(self, program: ServiceProgram) -> Member:
        """Starts it; not waited for."""
        member = self.members[program.name] = Member(program, program.start())
        self.stack.callback(member.process.kill)
        return member

    def join(self, service: str, name: str, *, at: str) -> Member:
        """One more process of a service, with the settings of the first; `at`: the name of its socket. Not waited for."""
        address = f"unix:{self.plan.sockets / at}.sock"
        log = self.plan.folder.logs / f"{name}.log"
        command = (sys.executable, "-m", f"services.{service}")
        environment = self.plan.environment(service) | {"NUNGIL_LISTEN": address}
        return self.start(ServiceProgram(name, command, environment, log, lambda: True))

    @contextmanager
    def api(self) -> Iterator[Api]:
        with open_api(url=self.plan.url, key=self.plan.folder.key(), data=None) as api:
            yield api

    def give(self, api: Api, count: int) -> list[str]:
        """New pictures of one colour; their ids, once they are accepted."""
        ids = []
        for _ in range(count):
            pixels = np.full((64, 64, 3), COLOUR, np.uint8)
            pixels[self.given // 64, self.given % 64] = 0  # as bytes no two are the same, to the encoder they all are
            path = self.plan.folder.root / "picture.png"
            Image.fromarray(pixels).save(path)
            ids.append(api.put_picture(path, purpose="personal")["media_id"])
            self.given += 1
        return ids

    def give_until(self, api: Api, true: Callable[[], bool]) -> list[str]:
        """One picture after another."""
        ids: list[str] = []

        def given_another() -> bool:
            ids.extend(self.give(api, 1))
            return true()

        wait_until(given_another, PATIENCE_S, self.said)
        return ids

    def said(self) -> str:
        """The last line of each process."""
        return "\n".join(f"{name}: {member.process.last_words()}" for name, member in self.members.items())


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaled]:
    folder = DataFolder(tmp_path_factory.mktemp("scale") / "data")
    with ExitStack() as stack:
        url = stack.enter_context(a_kafka_url())
        stack.enter_context(folder.held())
        sockets = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="nungil-"))
        )  # short, as such a path must be
        on_kafka = replace(embedded_stack(folder, free_port()), event_log_url=url)
        plan = Plan(folder, sockets, free_port(), on_kafka, "tiny://64")
        prepare(plan)
        system = Scaled(plan, stack)
        first, *others = plan.programs()
        for programs in ([first], others):  # the index before who needs it
            for program in programs:
                system.start(program)
            for program in programs:
                wait_until(program.healthy, PATIENCE_S, system.said)
        give_first_consent(plan.address("profile"))
        yield system


def test_a_second_search_process_answers_as_the_first_and_both_hear_of_a_deletion(system: Scaled) -> None:
    with system.api() as api:
        ids = system.give(api, 8)
        wait_until(lambda: states(api, ids) == {"searchable": 8}, PATIENCE_S, system.said)
        system.join("search", "search-2", at="search-2")
        with (
            open_channel(system.plan.address("profile")) as profile,
            open_channel(system.plan.address("search")) as one,
            open_channel(f"unix:{system.plan.sockets / 'search-2'}.sock") as two,
        ):
            who = ProfileServiceStub(profile).Identify(
                IdentifyRequest(tenant=TENANT, subject=OWNER), timeout=PATIENCE_S
            )
            caller = Caller(tenant=TENANT, person_id=who.person_id)
            asked = SearchByCropRequest(caller=caller, media_id=ids[0], limit=50)
            first, second = SearchServiceStub(one), SearchServiceStub(two)

            def hits(search: SearchServiceStub) -> list[tuple[str, float]]:
                answer = search.SearchByCrop(asked, timeout=PATIENCE_S, wait_for_ready=True)
                return [(hit.media_id, hit.score) for hit in answer.hits]

            assert hits(second) == hits(first)
            assert {media_id for media_id, _ in hits(second)} == set(ids[1:])
            key = {"Authorization": f"Bearer {system.plan.folder.key()}"}
            httpx.delete(f"{system.plan.url}/v1/media/{ids[1]}", headers=key, timeout=30).raise_for_status()
            for search in (first, second):
                wait_until(lambda search=search: ids[1] not in dict(hits(search)), PATIENCE_S, system.said)
            assert hits(second) == hits(first)
            assert {media_id for media_id, _ in hits(second)} == set(ids[2:])


def test_processes_that_join_take_work_and_those_that_end_lose_nothing(system: Scaled) -> None:
    with system.api() as api:
        rows_before, weight_before = quiet(system, api)
        ids = system.give(api, 1)
        rows, weight = quiet(system, api)
        rows_of_one, weight_of_one = rows - rows_before, weight - weight_before

        embed, profile = system.members["embed"], system.members["profile"]
        for turn, (embed_ends_by, profile_ends_by) in enumerate(
            [(signal.SIGKILL, signal.SIGTERM), (signal.SIGTERM, signal.SIGKILL)]
        ):
            # The gateway asks profile at its first address, which is free again in the second turn.
            joined = {
                "embed": system.join("embed", f"embed-{turn + 2}", at=f"embed-{turn + 2}"),
                "profile": system.join("profile", f"profile-{turn + 2}", at="profile" if turn else "profile-2"),
            }
            ids += system.give_until(api, lambda joined=joined: work(joined))
            ids += system.give(api, IN_FLIGHT)
            embed.end(embed_ends_by)
            profile.end(profile_ends_by)
            ids += system.give(api, IN_FLIGHT)
            embed, profile = joined["embed"], joined["profile"]

        rows, weight = quiet(system, api)
        assert states(api, ids) == {"searchable": len(ids)}
        assert rows - rows_before == len(ids) * rows_of_one
        found = Counter(every_hit(api, ids[0]))
        assert {media_id: found[media_id] for media_id in ids[1:]} == dict.fromkeys(ids[1:], 1)
        assert weight - weight_before == pytest.approx(len(ids) * weight_of_one, abs=0.4 * weight_of_one)


def work(joined: dict[str, Member]) -> bool:
    """Whether each has handled some records."""
    return all(member.handled(READS[service]) for service, member in joined.items())


def quiet(system: Scaled, api: Api) -> tuple[int, float]:
    """Rows of the index and the weight of the interest, once nothing is on its way any more."""
    seen: list[tuple[int, int, float]] = []

    def stays() -> bool:
        status, interests = api.status(), api.interests()["interests"]
        behind = sum(lag["records"] for lag in status["lag"])
        weight = sum(each["weight"] for each in interests if each["id"] == INTEREST)
        seen.append((behind, status["index"]["rows"], round(weight, 3)))
        return len(seen) >= 20 and set(seen[-20:]) == {seen[-1]} and seen[-1][0] == 0

    wait_until(stays, PATIENCE_S, lambda: (seen[-5:], system.said()))
    return seen[-1][1], seen[-1][2]


def states(api: Api, ids: list[str]) -> dict[str, int]:
    """How many pictures are in which state."""
    return dict(Counter(api.media(media_id)["state"] for media_id in ids))


def every_hit(api: Api, media_id: str) -> list[str]:
    """The pictures on every page of a search with a whole picture."""
    query = {"media_id": media_id, "limit": 100, "record": False}
    page = api.search(query)
    hits = [hit["media_id"] for hit in page["hits"]]
    while page["next_cursor"]:
        page = api.search(query | {"cursor": page["next_cursor"]})
        hits += [hit["media_id"] for hit in page["hits"]]
    return hits
