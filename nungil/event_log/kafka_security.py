"""How a Kafka cluster is known to be the one meant, and how it knows us: TLS, and SASL inside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from nungil.runtime.errors import Misconfigured

PLAIN, TLS, SASL = "kafka", "kafka+ssl", "kafka+sasl+ssl"
PASSWORD = "NUNGIL_KAFKA_PASSWORD"  # noqa: S105  # where it stands
MECHANISM = "NUNGIL_KAFKA_SASL_MECHANISM"
CA_FILE = "NUNGIL_KAFKA_CA_FILE"
CERT_FILE = "NUNGIL_KAFKA_CERT_FILE"
KEY_FILE = "NUNGIL_KAFKA_KEY_FILE"
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
_PROTOCOLS = {PLAIN: "PLAINTEXT", TLS: "SSL", SASL: "SASL_SSL"}


@dataclass(frozen=True)
class Security:
    """What a client tells of itself and demands of the brokers. The password is never shown.

    ca_file: who signed the brokers' certificates; empty: whom this machine trusts. cert_file, key_file: our own, where the
    brokers ask for one. All PEM.
    """

    protocol: str = "PLAINTEXT"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = ""

    @classmethod
    def of_url(cls, scheme: str, user: str, environment: Mapping[str, str] | None = None) -> Security:
        """scheme, user: of the URL, percent-encoded there. The rest is read from the environment. Raises Misconfigured."""
        given = os.environ if environment is None else environment
        if scheme == PLAIN:
            return cls()
        files = {name: given.get(name, "") for name in (CA_FILE, CERT_FILE, KEY_FILE)}
        for name, path in files.items():
            if path and not os.access(path, os.R_OK):
                raise Misconfigured(f"{name} names {path}, which is no file that can be read")
        if bool(files[CERT_FILE]) != bool(files[KEY_FILE]):
            raise Misconfigured(f"set both {CERT_FILE} and {KEY_FILE}, or neither")
        own = cls(_PROTOCOLS[scheme], files[CA_FILE], files[CERT_FILE], files[KEY_FILE])
        return own if scheme == TLS else own._with_user(unquote(user), given)

    def _with_user(self, user: str, given: Mapping[str, str]) -> Security:
        mechanism = given.get(MECHANISM, "") or MECHANISMS[0]
        if mechanism not in MECHANISMS:
            raise Misconfigured(f"{MECHANISM} is {mechanism!r}: use one of {', '.join(MECHANISMS)}")
        if not (password := given.get(PASSWORD, "")):
            raise Misconfigured(f"no password for the Kafka user {user}: set {PASSWORD}")
        return Security(self.protocol, self.ca_file, self.cert_file, self.key_file, user, password, mechanism)

    def options(self) -> dict[str, Any]:
        """What kafka-python calls it."""
        options = {
            "security_protocol": self.protocol,
            "ssl_cafile": self.ca_file,
            "ssl_certfile": self.cert_file,
            "ssl_keyfile": self.key_file,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }
        return {name: value for name, value in options.items() if value}
