"""What deploy/ says, as data: rendered manifests, the compose file, and what each process there is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nungil.cli.configuration import settings_of
from nungil.runtime.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
RENDERED = {name: DEPLOY / "k8s" / "rendered" / f"{name}.yaml" for name in ("kind", "production", "every-component")}
TRIAL_ONLY = "only-for-a-trial"
POD_OWNERS = ("Deployment", "StatefulSet", "Job")
Doc = dict[str, Any]


@dataclass(frozen=True)
class Process:
    """A container of ours, of whichever form. environment: with what it refers to put in its place."""

    where: str
    name: str
    service: str
    command: tuple[str, ...]
    environment: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.where}:{self.name}"

    @property
    def is_job(self) -> bool:
        """Whether it runs a command and ends."""
        return bool(self.command)


def documents(overlay: str) -> list[Doc]:
    """Everything that an overlay applies."""
    return [d for d in yaml.safe_load_all(RENDERED[overlay].read_text("utf-8")) if d]


def of_kind(overlay: str, *kinds: str) -> list[Doc]:
    """The documents of these kinds."""
    return [d for d in documents(overlay) if d["kind"] in kinds]


def is_ours(doc: Doc) -> bool:
    """Whether it runs our code, and not a server's."""
    return bool(doc["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "nungil")


def pods(overlay: str) -> Iterator[tuple[Doc, Doc, Doc]]:
    """Each (owner, pod's spec, its only container)."""
    for doc in of_kind(overlay, *POD_OWNERS):
        spec = doc["spec"]["template"]["spec"]
        [container] = spec["containers"]
        yield doc, spec, container


def compose() -> Doc:
    """compose.yaml, with every ${NAME} given a value."""
    text = (DEPLOY / "compose" / "compose.yaml").read_text("utf-8")
    document: Doc = yaml.safe_load(re.sub(r"\$\{(\w+):([?-])([^}]*)\}", _value, text))
    return document


def _value(match: re.Match[str]) -> str:
    return match[3] if match[2] == "-" else match[1].lower().replace("_", "-")


def processes() -> list[Process]:
    """Every container of ours in every form."""
    found = [
        Process(
            "compose", name, service_of(part["image"]), tuple(part.get("command", ())), _strings(part["environment"])
        )
        for name, part in compose()["services"].items()
        if part["image"].startswith("nungil/")
    ]
    for overlay in RENDERED:
        maps = {d["metadata"]["name"]: d["data"] for d in of_kind(overlay, "ConfigMap")}
        secrets = {d["metadata"]["name"]: d["stringData"] for d in of_kind(overlay, "Secret")}
        for doc, _, container in pods(overlay):
            if is_ours(doc):
                environment = _resolved(container["env"], maps, secrets)
                command = tuple(container.get("command", ()))
                image = service_of(container["image"])
                found.append(Process(overlay, doc["metadata"]["name"], image, command, environment))
    return found


def service_of(image: str) -> str:
    """'registry/nungil/embed:0.1.0-cuda' -> 'embed'."""
    return image.rpartition("/")[2].partition(":")[0]


def known_names(service: str) -> dict[str, bool]:
    """Every variable that the service's code reads, and whether it must be set."""
    fields = settings_of(service).model_fields
    names = {f"NUNGIL_{name.upper()}": field.is_required() for name, field in fields.items()}
    if "object_store_url" in fields:
        adapter = (ROOT / "nungil" / "object_store" / "s3.py").read_text("utf-8")
        names |= dict.fromkeys(re.findall(r'"(NUNGIL_\w+)"', adapter), True)
    security = (ROOT / "nungil" / "event_log" / "kafka_security.py").read_text("utf-8")
    return names | dict.fromkeys(re.findall(r'"(NUNGIL_\w+)"', security), False)


def settings_in(process: Process) -> type[ServiceSettings]:
    """What the process reads at its start."""
    return settings_of(process.service)


def _strings(environment: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in environment.items()}


def _resolved(entries: list[Doc], maps: Mapping[str, Doc], secrets: Mapping[str, Doc]) -> dict[str, str]:
    """As the kubelet does it: in order, $(NAME) stands for what came before; an unknown one stays as it is."""
    environment: dict[str, str] = {}
    for entry in entries:
        source = entry.get("valueFrom", {})
        if reference := source.get("configMapKeyRef"):
            value = maps[reference["name"]][reference["key"]]
        elif reference := source.get("secretKeyRef"):
            value = secrets.get(reference["name"], {}).get(reference["key"], f"postgresql://{reference['name']}@host/x")
        elif source:
            value = source["fieldRef"]["fieldPath"].replace(".", "-")
        else:
            value = re.sub(r"\$\((\w+)\)", lambda m: environment.get(m[1], m[0]), entry["value"])
        environment[entry["name"]] = value
    return environment
