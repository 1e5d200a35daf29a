"""What the services stand on: the data folder alone, or the four real servers of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nungil.cli.data_folder import WITH_DATABASE, DataFolder
from nungil.cli.supervisor import Say
from nungil.vector_index.milvus_lite_server import command as milvus_lite_command

EMBEDDED, REAL = "embedded", "real"
HOST = "127.0.0.1"
SERVERS = ("kafka", "minio", "milvus", "postgres")


@dataclass(frozen=True)
class IndexProgram:
    """The server of the index, where it is ours to start."""

    command: Sequence[str]
    port: int


@dataclass(frozen=True)
class Stack:
    """URLs as the services read them. database_urls: by service. named_members: the log takes names for members of a group."""

    event_log_url: str
    object_store_url: str
    vector_index_url: str
    database_urls: Mapping[str, str]
    index: IndexProgram | None = None
    named_members: bool = False

    def event_log_url_of(self, service: str) -> str:
        """A service that is killed and comes back under its name has its partitions at once, not after its session has ended."""
        return f"{self.event_log_url}?instance={service}" if self.named_members else self.event_log_url


def embedded_stack(folder: DataFolder, index_port: int) -> Stack:
    """Everything in the data folder."""
    return Stack(
        folder.event_log_url,
        folder.object_store_url,
        f"milvus-lite://{HOST}:{index_port}",
        {service: folder.database_url(service) for service in WITH_DATABASE},
        index=IndexProgram(milvus_lite_command(folder.index, index_port), index_port),
    )


def real_stack(url_of: Mapping[str, str], name: str) -> Stack:
    """On servers that other data folders use too: everything of this one is under its name.

    url_of: by server. name: lower case letters and digits, at most 20.
    """
    postgres = url_of["postgres"].rpartition("/")[0]
    return Stack(
        f"{url_of['kafka']}/nungil-{name}",
        f"{url_of['minio']}/nungil-{name}",
        f"{url_of['milvus']}/nungil_{name}",
        {service: f"{postgres}/nungil_{name}_{service}" for service in WITH_DATABASE},
        named_members=True,
    )


def make_topics_bucket_and_databases(stack: Stack) -> None:
    """What a real stack's operator makes once; harmless where it is there."""
    from nungil.database.postgres import make_database
    from nungil.event_log.kafka_cluster import Cluster
    from nungil.event_log.topics_apply import apply_topics
    from nungil.object_store.s3 import make_bucket

    apply_topics(Cluster.of_url(stack.event_log_url))
    make_bucket(stack.object_store_url)
    for url in stack.database_urls.values():
        make_database(url)


@contextmanager
def running_servers(folder: Path | None, say: Say) -> Iterator[dict[str, str]]:
    """The URLs of the four servers, by name. Those that did not run are started, and stopped when the block ends.

    folder: that of the servers; None: that of `make servers`. Raises Misconfigured where this machine lacks what they need.
    """
    from nungil.cli.processes import die_with_parent
    from nungil.local_servers.running import RUN, local_servers

    there = local_servers(folder=folder or RUN)
    before = there.names()
    servers = local_servers(",".join({*SERVERS, *before}), folder or RUN)
    missing = [name for name in SERVERS if name not in before]
    if missing:
        servers.fetch()
        say(f"starting {', '.join(missing)}")
    try:
        servers.start(die_with_us=die_with_parent())
        yield {name: servers.url(name) for name in SERVERS}
    finally:
        if missing:
            say(f"stopped {', '.join(servers.stop(missing))}")


@contextmanager
def opened_stack(kind: str, folder: DataFolder, index_port: int, servers: Path | None, say: Say) -> Iterator[Stack]:
    """The stack of `kind`, ready for migrations and services."""
    if kind == EMBEDDED:
        yield embedded_stack(folder, index_port)
        return
    with running_servers(servers, say) as urls:
        stack = real_stack(urls, folder.name())
        make_topics_bucket_and_databases(stack)
        yield stack
