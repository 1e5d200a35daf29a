"""Apache Kafka as one process, broker and controller in one (KRaft)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from nungil.local_servers.server import FETCH_ATTEMPTS, Launch, Place, lacking, listens, run

VERSION = "4.3.0"
_HEAP = "-Xmx512m"
_CLUSTER_ID = "bnVuZ2lsLWxvY2FsLTAwMQ"  # 16 bytes in base64, as Kafka wants; nobody else joins this cluster

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>nungil</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{kafka_controller}
controller.listener.names=CONTROLLER
listeners=CLIENT://127.0.0.1:{kafka},PROXIED://127.0.0.1:{kafka_proxied},CONTROLLER://127.0.0.1:{kafka_controller}
advertised.listeners=CLIENT://127.0.0.1:{kafka},PROXIED://127.0.0.1:{proxy_kafka}
listener.security.protocol.map=CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
log.dirs={data}
auto.create.topics.enable=false
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.min.session.timeout.ms=500
group.initial.rebalance.delay.ms=0
"""


@dataclass(frozen=True)
class Kafka:
    """See server.Server. It listens twice: for clients, and for clients that come through the fault proxy."""

    cache: Path
    name: str = "kafka"
    variable: str = "NUNGIL_TEST_KAFKA"
    port_names: Sequence[str] = ("kafka", "kafka_controller", "kafka_proxied", "proxy_kafka")

    @property
    def _folder(self) -> Path:
        return self.cache / "kafka"

    def missing(self) -> Sequence[str]:
        need = {
            "java": "install a Java runtime, 17 or newer (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk)"
        }
        if not self._fetched().exists():
            need["mvn"] = "install Maven, which fetches Kafka (Debian: apt install maven; macOS: brew install maven)"
        return lacking(need)

    def fetch(self) -> None:
        if self._fetched().exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "pom.xml").write_text(_POM)
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={self._folder / 'libs'}"]
        maven = ["mvn", "-B", "-q", "-f", str(self._folder / "pom.xml"), *copy]
        run("fetching Kafka with Maven", maven, attempts=FETCH_ATTEMPTS)
        self._fetched().touch()

    def launch(self, place: Place) -> Launch:
        place.folder.mkdir(parents=True, exist_ok=True)
        data, properties = place.folder / "data", place.folder / "server.properties"
        properties.write_text(_PROPERTIES.format(data=data, **place.ports))
        if not (data / "meta.properties").exists():
            format_ = [
                "kafka.tools.StorageTool",
                "format",
                "--ignore-formatted",
                "-t",
                _CLUSTER_ID,
                "-c",
                str(properties),
            ]
            run("formatting Kafka's data folder", [*self._java(), *format_])
        return Launch([*self._java(), "kafka.Kafka", str(properties)])

    def ready(self, place: Place) -> bool:
        if not listens(place.ports["kafka"]):
            return False
        try:
            client = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{place.ports['kafka']}", bootstrap_timeout_ms=1000)
            try:
                client.list_topics()
            finally:
                client.close()
        except KafkaError:
            return False
        return True

    def url(self, place: Place) -> str:
        return f"kafka://127.0.0.1:{place.ports['kafka']}"

    def _fetched(self) -> Path:
        return self._folder / f".{VERSION}-is-here"

    def _java(self) -> list[str]:
        return ["java", _HEAP, "-cp", os.fspath(self._folder / "libs" / "*")]
