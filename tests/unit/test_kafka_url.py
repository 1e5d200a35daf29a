"""What a kafka:// URL says, without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.open import open_event_log
from nungil.runtime.errors import Misconfigured


def test_a_url_names_brokers_a_prefix_and_an_instance() -> None:
    assert Cluster.of_url("kafka://a:9092") == Cluster(("a:9092",))
    assert Cluster.of_url("kafka://a:9092,b:9093/shop?instance=embed-0") == Cluster(
        ("a:9092", "b:9093"), "shop.", "embed-0"
    )
    assert Cluster.of_url("kafka://a:9092/") == Cluster(("a:9092",))


@pytest.mark.parametrize(
    "url",
    ["kafka://", "kafka://a", "kafka://a:", "kafka://a:9092,", "kafka://a:9092/a b", "kafka://a:9092/a/b", "kafka://u@a:9092",
     "kafka://a:9092?instance=a/b", "kafka://a:9092?acks=0", "kafkas://a:9092", "kafka+sasl://u@a:9092",
     "kafka+sasl+ssl://a:9093", "kafka+ssl://u@a:9093", "kafka+ssl://a"],
)  # fmt: skip
def test_any_other_url_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured), open_event_log(url):
        pass


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PASSWORD", "SASL_MECHANISM", "CA_FILE", "CERT_FILE", "KEY_FILE"):
        monkeypatch.delenv(f"NUNGIL_KAFKA_{name}", raising=False)


def test_without_tls_nothing_is_said_of_it() -> None:
    assert Cluster.of_url("kafka://a:9092").security.options() == {"security_protocol": "PLAINTEXT"}


def test_tls_trusts_whom_the_machine_trusts_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Cluster.of_url("kafka+ssl://a:9093").security.options() == {"security_protocol": "SSL"}
    for name in ("CA_FILE", "CERT_FILE", "KEY_FILE"):
        (tmp_path / name).touch()
        monkeypatch.setenv(f"NUNGIL_KAFKA_{name}", str(tmp_path / name))
    options = Cluster.of_url("kafka+ssl://a:9093,b:9093/shop?instance=embed-0").connection()
    assert options["bootstrap_servers"] == ["a:9093", "b:9093"]
    assert (options["ssl_cafile"], options["ssl_certfile"], options["ssl_keyfile"]) == tuple(
        str(tmp_path / name) for name in ("CA_FILE", "CERT_FILE", "KEY_FILE")
    )


@pytest.mark.parametrize("mechanism", ["", "PLAIN", "SCRAM-SHA-256"])
def test_a_user_comes_with_the_url_and_the_password_with_the_environment(
    mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUNGIL_KAFKA_PASSWORD", "pass-phrase")
    monkeypatch.setenv("NUNGIL_KAFKA_SASL_MECHANISM", mechanism)
    cluster = Cluster.of_url("kafka+sasl+ssl://shop%40kr@a:9093/shop")
    assert cluster.security.options() == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism or "SCRAM-SHA-512",
        "sasl_plain_username": "shop@kr",
        "sasl_plain_password": "pass-phrase",
    }
    assert "pass-phrase" not in repr(cluster)


SASL_URL = "kafka+sasl+ssl://shop@a:9093"


@pytest.mark.parametrize(
    ("url", "environment", "sentence"),
    [
        (SASL_URL, {}, "no password for the Kafka user shop: set NUNGIL_KAFKA_PASSWORD"),
        ("kafka+sasl+ssl://shop:pass-phrase@a:9093", {}, "no password goes into it: set NUNGIL_KAFKA_PASSWORD"),
        (SASL_URL, {"PASSWORD": "x", "SASL_MECHANISM": "GSSAPI"}, "'GSSAPI': use one of SCRAM-SHA-512, "),
        ("kafka+ssl://a:9093", {"CA_FILE": "/no/such/file"}, "NUNGIL_KAFKA_CA_FILE names /no/such/file"),
        ("kafka+ssl://a:9093", {"CERT_FILE": __file__}, "set both NUNGIL_KAFKA_CERT_FILE and NUNGIL_KAFKA_KEY_FILE"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence_without_the_password(
    url: str, environment: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"NUNGIL_KAFKA_{name}", value)
    with pytest.raises(Misconfigured, match=sentence) as failure:
        Cluster.of_url(url)
    assert "pass-phrase" not in str(failure.value)
