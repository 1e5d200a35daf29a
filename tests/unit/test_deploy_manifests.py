"""The manifests of deploy/k8s: valid, and such that a pod can do no more than it must."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import kubernetes_validate
import pytest
from deploy_files import DEPLOY, RENDERED, TRIAL_ONLY, Doc, documents, is_ours, of_kind, pods

from nungil.cli.data_folder import SERVICES

KUBERNETES = "1.36"
OPERATORS_OWN = {"ScaledObject"}  # KEDA's: its schema is not among Kubernetes' own
PODS = [pytest.param(o, d, s, c, id=f"{o}:{d['metadata']['name']}") for o in RENDERED for d, s, c in pods(o)]
every_pod = pytest.mark.parametrize(("overlay", "doc", "spec", "container"), PODS)
every_overlay = pytest.mark.parametrize("overlay", RENDERED)


@every_overlay
def test_every_manifest_is_valid_and_has_no_unknown_field(overlay: str) -> None:
    for doc in documents(overlay):
        if doc["kind"] not in OPERATORS_OWN:
            kubernetes_validate.validate(doc, KUBERNETES, strict=True)


def test_an_unknown_field_would_be_found() -> None:
    doc = of_kind("kind", "Service")[0]
    doc["spec"]["sessionAfinity"] = "None"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(doc, KUBERNETES, strict=True)


def test_what_is_rendered_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(DEPLOY / "k8s" / "render.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@every_pod
def test_no_pod_is_root_or_may_become_it(overlay: str, doc: Doc, spec: Doc, container: Doc) -> None:
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert not [volume for volume in spec.get("volumes", []) if "hostPath" in volume]


@every_pod
def test_our_pods_write_to_nothing_but_tmp(overlay: str, doc: Doc, spec: Doc, container: Doc) -> None:
    if is_ours(doc):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]
        [tmp] = [volume for volume in spec["volumes"] if "secret" not in volume]
        assert "sizeLimit" in tmp["emptyDir"]


@every_pod
def test_every_pod_says_what_it_needs_and_is_bounded(overlay: str, doc: Doc, spec: Doc, container: Doc) -> None:
    assert set(container["resources"]["requests"]) >= {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@every_pod
def test_every_pod_that_serves_is_asked_how_it_is(overlay: str, doc: Doc, spec: Doc, container: Doc) -> None:
    if doc["kind"] == "Job":
        return
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {"readinessProbe", "livenessProbe"} <= set(container)
    if not is_ours(doc):
        return
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container[name]
        if doc["metadata"]["name"] == "gateway":
            path = "/readyz" if name == "readinessProbe" else "/healthz"
            assert probe["httpGet"] == {"path": path, "port": "http"}
        else:
            assert probe["grpc"] == {"port": ports["grpc"]}


@every_pod
def test_a_pod_is_given_longer_to_end_than_it_gives_its_calls(
    overlay: str, doc: Doc, spec: Doc, container: Doc
) -> None:
    given = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
    if doc["kind"] != "Job" and is_ours(doc):
        waits_s = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert spec["terminationGracePeriodSeconds"] >= waits_s + float(given["NUNGIL_SHUTDOWN_GRACE_S"]) + 20


@every_overlay
def test_ports_are_the_same_wherever_they_are_named(overlay: str) -> None:
    services = {d["metadata"]["name"]: d["spec"]["ports"] for d in of_kind(overlay, "Service")}
    for doc, _, container in pods(overlay):
        if doc["kind"] == "Job":
            continue
        name = doc["metadata"]["name"]
        listening = {port["name"]: port["containerPort"] for port in container["ports"]}
        for port in services[name]:
            assert listening[port["targetPort"]] == port["port"]
        given = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
        if is_ours(doc):
            listens = {int(given[f"NUNGIL_{name}"].rpartition(":")[2]) for name in ("LISTEN", "METRICS_LISTEN")}
            assert listens == set(listening.values())
            assert doc["spec"]["template"]["spec"]["serviceAccountName"] == name
        for address in [
            value for key, value in given.items() if key.endswith("_ADDRESS") and key.startswith("NUNGIL_")
        ]:
            host, _, port_number = address.partition(":")
            assert int(port_number) in [port["port"] for port in services[host]]


@every_overlay
def test_every_selector_finds_pods_of_its_own(overlay: str) -> None:
    labels = {doc["metadata"]["name"]: doc["spec"]["template"]["metadata"]["labels"] for doc, _, _ in pods(overlay)}
    for doc in of_kind(overlay, "Service", "PodDisruptionBudget"):
        selector = doc["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        assert wanted.items() <= labels[doc["metadata"]["name"]].items()


@every_overlay
def test_only_the_gateway_is_let_in_to_the_services_and_search_to_embed(overlay: str) -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(overlay, "NetworkPolicy")}
    assert policies["nobody"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "nungil"}},
        "policyTypes": ["Ingress"],
    }
    [rule] = policies["gateway-to-services"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}}}]
    [expression] = policies["gateway-to-services"]["podSelector"]["matchExpressions"]
    assert set(expression["values"]) == set(SERVICES) - {"gateway"}
    [rule] = policies["search-to-embed"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "search"}}}]
    assert policies["search-to-embed"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "embed"}


@every_overlay
def test_every_port_of_a_policy_is_one_that_a_pod_has(overlay: str) -> None:
    names = {port["name"] for _, _, container in pods(overlay) for port in container.get("ports", [])}
    for policy in of_kind(overlay, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule.get("ports", [])} <= names


@every_overlay
def test_every_service_may_lose_one_pod_at_a_time(overlay: str) -> None:
    budgets = {d["metadata"]["name"]: d["spec"]["maxUnavailable"] for d in of_kind(overlay, "PodDisruptionBudget")}
    assert budgets == dict.fromkeys(SERVICES, 1)


def test_secrets_are_in_the_trial_alone_and_are_none() -> None:
    for overlay in RENDERED:
        secrets = of_kind(overlay, "Secret")
        assert overlay == "kind" or not secrets
        for secret in secrets:
            assert all(TRIAL_ONLY in value for value in secret["stringData"].values())
        for settings in of_kind(overlay, "ConfigMap"):
            assert not [value for value in settings["data"].values() if "://" in value and "@" in value]


@every_overlay
def test_every_secret_is_referred_to_by_a_name_that_the_trial_shows(overlay: str) -> None:
    shown = {(s["metadata"]["name"], key) for s in of_kind("kind", "Secret") for key in s["stringData"]}
    referred = {
        (entry["valueFrom"]["secretKeyRef"]["name"], entry["valueFrom"]["secretKeyRef"]["key"])
        for _, _, container in pods(overlay)
        for entry in container.get("env", [])
        if "secretKeyRef" in entry.get("valueFrom", {})
    }
    assert referred <= shown


def test_pods_of_the_trial_stay_within_the_strictest_of_kubernetes_own_rules() -> None:
    for overlay in ("kind", "production"):
        [namespace] = of_kind(overlay, "Namespace")
        labels: dict[str, Any] = namespace["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
