"""Kafka over TLS, with a certificate of ours or with a password: what works, and what is said where it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from secured_kafka import PASSWORD, USER, SecuredKafka, add_user, certificates_in

from nungil.event_log.errors import EventLogAway
from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.open import open_event_log
from nungil.event_log.port import NewRecord
from nungil.event_log.topics import MEDIA_CHANGED
from nungil.event_log.topics_apply import apply_topics
from nungil.local_servers.running import LocalServers
from nungil.runtime.errors import Misconfigured

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("NUNGIL_SERVERS_CACHE") or ROOT / ".cache" / "servers")
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Secured:
    """A broker's two listeners, and the folder of certificates."""

    tls_url: str
    sasl_url: str
    certificates: Path


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    certificates, run = tmp_path_factory.mktemp("certificates"), tmp_path_factory.mktemp("run")
    certificates_in(certificates)
    servers = LocalServers(run, {"kafka": SecuredKafka(CACHE, certificates=certificates)})
    servers.start()
    try:
        open_url = servers.url("kafka")
        ports = json.loads((run / "servers.json").read_text())["ports"]
        add_user(open_url.removeprefix("kafka://"))
        apply_topics(Cluster.of_url(open_url))
        yield Secured(
            f"kafka+ssl://127.0.0.1:{ports['kafka_tls']}",
            f"kafka+sasl+ssl://{quote(USER)}@127.0.0.1:{ports['kafka_sasl']}",
            certificates,
        )
    finally:
        servers.stop(by=signal.SIGKILL)


@pytest.fixture(autouse=True)
def settings(broker: Secured, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As they should be; a test makes one wrong."""
    files = {"CA_FILE": "ca.crt", "CERT_FILE": "client.crt", "KEY_FILE": "client.key"}
    for name, file in files.items():
        monkeypatch.setenv(f"NUNGIL_KAFKA_{name}", str(broker.certificates / file))
    monkeypatch.setenv("NUNGIL_KAFKA_PASSWORD", PASSWORD)
    monkeypatch.delenv("NUNGIL_KAFKA_SASL_MECHANISM", raising=False)
    return monkeypatch


def everything_works(url: str, group: str) -> None:
    """Append, share in a group, commit, tail, lag: each client that the adapter makes."""
    with open_event_log(url) as log:
        log.append([NewRecord(MEDIA_CHANGED, f"m-{n}", b"x") for n in range(30)])
        with log.subscribe([MEDIA_CHANGED], group=group) as member, log.tail([MEDIA_CHANGED], since="start") as tail:
            for reader in (member, tail):
                keys: set[str] = set()
                while len(keys) < 30:
                    records = reader.poll(max_records=500, timeout_s=PATIENCE_S)
                    assert records or not keys, "nothing more came"
                    keys |= {record.key for record in records}
            member.commit()
        assert log.lag([MEDIA_CHANGED], group=group) == {MEDIA_CHANGED: 0}


def test_over_tls_with_a_certificate_of_ours(broker: Secured) -> None:
    everything_works(broker.tls_url, "with-certificate")


def test_over_tls_with_a_password(broker: Secured, settings: pytest.MonkeyPatch) -> None:
    settings.delenv("NUNGIL_KAFKA_CERT_FILE")
    settings.delenv("NUNGIL_KAFKA_KEY_FILE")
    everything_works(broker.sasl_url, "with-password")


def refused(url: str) -> str:
    """The sentence with which it is refused for good."""
    with pytest.raises(Misconfigured) as failure, open_event_log(url):
        pass
    assert "\n" not in str(failure.value)
    return str(failure.value)


def test_a_wrong_password_is_said_and_not_tried_for_ever(broker: Secured, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("NUNGIL_KAFKA_PASSWORD", "another pass-phrase")
    sentence = refused(broker.sasl_url)
    assert "Kafka refuses the user of its URL or the password in NUNGIL_KAFKA_PASSWORD" in sentence
    assert "another pass-phrase" not in sentence


def test_a_command_ends_with_that_sentence(broker: Secured) -> None:
    environment = {**os.environ, "NUNGIL_KAFKA_PASSWORD": "another pass-phrase"}
    command = [sys.executable, "-m", "nungil.cli.main", "topics", "apply", "--event-log-url", broker.sasl_url]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "Kafka refuses the user of its URL or the password" in done.stderr.splitlines()[-1]
    assert "another pass-phrase" not in done.stderr + done.stdout


def test_a_way_to_log_in_that_the_broker_does_not_know_is_said(broker: Secured, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("NUNGIL_KAFKA_SASL_MECHANISM", "PLAIN")
    assert "NUNGIL_KAFKA_SASL_MECHANISM" in refused(broker.sasl_url)


def test_a_broker_whose_certificate_someone_else_signed_is_refused(
    broker: Secured, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("NUNGIL_KAFKA_CA_FILE", str(broker.certificates / "other-ca.crt"))
    for url in (broker.tls_url, broker.sasl_url):
        assert "certificate verify failed" in refused(url)


def test_a_broker_that_wants_a_certificate_of_ours_refuses_us_without(
    broker: Secured, settings: pytest.MonkeyPatch
) -> None:
    settings.delenv("NUNGIL_KAFKA_CERT_FILE")
    settings.delenv("NUNGIL_KAFKA_KEY_FILE")
    assert "no TLS with Kafka, see NUNGIL_KAFKA_CA_FILE and NUNGIL_KAFKA_CERT_FILE" in refused(broker.tls_url)


def test_nothing_is_sent_in_the_clear_where_the_broker_wants_tls(broker: Secured) -> None:
    with pytest.raises(EventLogAway), open_event_log(broker.tls_url.replace("kafka+ssl", "kafka")):
        pass
