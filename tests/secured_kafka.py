"""A Kafka that demands TLS, and one user's password, with certificates made on the spot."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion

from nungil.local_servers.kafka import Kafka
from nungil.local_servers.server import Launch, Place

USER, PASSWORD = "shop@kr", 'a pass-phrase, with = and " in it'

# Later lines of such a file win. TLS asks clients for a certificate of theirs; SASL knows them by their password.
_SECURED = """
listeners=CLIENT://127.0.0.1:{kafka},PROXIED://127.0.0.1:{kafka_proxied},CONTROLLER://127.0.0.1:{kafka_controller},\
TLS://127.0.0.1:{kafka_tls},SASL://127.0.0.1:{kafka_sasl}
advertised.listeners=CLIENT://127.0.0.1:{kafka},PROXIED://127.0.0.1:{proxy_kafka},\
TLS://127.0.0.1:{kafka_tls},SASL://127.0.0.1:{kafka_sasl}
listener.security.protocol.map=CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.crt
listener.name.tls.ssl.client.auth=required
listener.name.sasl.ssl.client.auth=none
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


@dataclass(frozen=True)
class SecuredKafka(Kafka):
    """Beside its open listeners one with TLS, one with TLS and SASL. certificates: a folder, as certificates_in makes it."""

    certificates: Path = Path()
    port_names: Sequence[str] = ("kafka", "kafka_controller", "kafka_proxied", "proxy_kafka", "kafka_tls", "kafka_sasl")

    def launch(self, place: Place) -> Launch:
        launch = super().launch(place)
        with (place.folder / "server.properties").open("a") as properties:
            properties.write(_SECURED.format(folder=self.certificates, **place.ports))
        return launch


def certificates_in(folder: Path) -> None:
    """ca.crt; broker.pem, for 127.0.0.1; client.crt and client.key; other-ca.crt, which signed nothing of these."""
    for ca in ("ca", "other-ca"):
        _openssl(folder, f"req -x509 -newkey rsa:2048 -nodes -keyout {ca}.key -out {ca}.crt -days 2 -subj /CN={ca}")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("broker", "client"):
        _openssl(folder, f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}")
        sign = f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names"
        _openssl(folder, f"{sign} -out {name}.crt")
    pem = (folder / "broker.key").read_text() + (folder / "broker.crt").read_text()
    (folder / "broker.pem").write_text(pem)


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


def add_user(open_address: str) -> None:
    """USER with PASSWORD, through the listener that asks for nothing."""
    admin = KafkaAdminClient(bootstrap_servers=open_address)
    try:
        answers = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(USER, "SCRAM-SHA-512", PASSWORD)])
    finally:
        admin.close()
    assert answers == {USER: None}
