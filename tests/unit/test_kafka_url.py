"""What a kafka:// URL says, without a broker."""

from __future__ import annotations

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
     "kafka://a:9092?instance=a/b", "kafka://a:9092?acks=0", "kafkas://a:9092"],
)  # fmt: skip
def test_any_other_url_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured), open_event_log(url):
        pass
