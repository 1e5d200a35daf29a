"""What deploy/ tells the processes, against what their code reads."""

from __future__ import annotations

import re

import click
import pytest
from deploy_files import DEPLOY, Process, compose, documents, known_names, pods, processes, settings_in

from nungil.cli.data_folder import SERVICES, WITH_DATABASE
from nungil.cli.main import main
from nungil.database.open import open_database
from nungil.encoder.open import space_of
from nungil.event_log.kafka_cluster import Cluster
from nungil.event_log.topics import ITEM_CHANGED, MEDIA_CHANGED, READERS, by_name
from nungil.object_store.s3 import bucket_of
from nungil.runtime.settings import read_settings
from nungil.vector_index.milvus_server import server_of

FORMS = ("compose", "kind", "production", "every-component")
ALL = processes()
SERVING = [p for p in ALL if not p.is_job]
JOBS = [p for p in ALL if p.is_job]


def named(processes: list[Process]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("process", processes, ids=str)


@pytest.mark.parametrize("form", FORMS)
def test_every_service_and_every_migration_is_in_every_form(form: str) -> None:
    assert {p.name for p in SERVING if p.where == form} == set(SERVICES)
    jobs = {p.name: p for p in JOBS if p.where == form}
    assert set(jobs) - {"bucket"} == {"topics"} | {f"migrate-{service}" for service in WITH_DATABASE}
    for service in WITH_DATABASE:
        assert jobs[f"migrate-{service}"].service == service  # its own image: no other holds its migrations


@named(ALL)
def test_every_variable_is_known_to_the_code_that_gets_it(process: Process) -> None:
    given = {name for name in process.environment if name.startswith("NUNGIL_")}
    assert given
    assert given <= set(known_names(process.service))


@named(SERVING)
def test_every_variable_that_a_service_needs_is_given(process: Process) -> None:
    needed = {name for name, required in known_names(process.service).items() if required}
    assert needed <= set(process.environment)


@named(SERVING)
def test_every_value_is_one_that_the_service_starts_with(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in process.environment.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(settings_in(process)).model_dump()
    assert settings["listen"].startswith("0.0.0.0:")
    assert Cluster.of_url(settings["event_log_url"]).servers
    if "object_store_url" in settings:
        assert bucket_of(settings["object_store_url"]).name == "nungil"
    if "encoder_url" in settings:
        assert space_of(settings["encoder_url"]).dim
    if "database_url" in settings:
        with open_database(settings["database_url"]) as engine:  # connects at the first use
            assert engine.dialect.name == "postgresql"
    if "vector_index_url" in settings:
        assert server_of(settings["vector_index_url"]).uri


@named(SERVING)
def test_nothing_that_stands_for_something_else_is_left_standing(process: Process) -> None:
    assert not [value for value in process.environment.values() if "$(" in value]


@named(JOBS)
def test_every_job_is_a_command_that_exists_with_what_it_needs(process: Process) -> None:
    assert process.command[0] == "nungil"
    command: click.Command = main
    words = list(process.command[1:])
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, f"no such command: {process.command}"
        command = found
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    for argument, word in zip(arguments, words, strict=True):
        argument.type.convert(word, argument, None)
    assert {str(option.envvar) for option in options if option.required} <= set(process.environment)


def test_what_a_member_is_called_is_its_pods_name_where_it_keeps_one() -> None:
    clusters = {
        p.name: Cluster.of_url(p.environment["NUNGIL_EVENT_LOG_URL"]) for p in SERVING if p.where == "production"
    }
    assert {name for name, cluster in clusters.items() if cluster.instance} == {"embed", "profile"}


def test_what_scales_by_lag_names_a_topic_and_its_reader_and_stops_at_its_partitions() -> None:
    [scaled] = [d for d in documents("every-component") if d["kind"] == "ScaledObject"]
    [trigger] = scaled["spec"]["triggers"]
    assert (trigger["metadata"]["topic"], trigger["metadata"]["consumerGroup"]) in READERS
    assert scaled["spec"]["maxReplicaCount"] == by_name()[MEDIA_CHANGED].partitions
    targets = {doc["metadata"]["name"]: doc["kind"] for doc, _, _ in pods("every-component")}
    reference = scaled["spec"]["scaleTargetRef"]
    assert targets[reference["name"]] == reference["kind"]


def test_what_scales_by_processor_time_is_there_and_stops_at_its_partitions() -> None:
    owners = {doc["metadata"]["name"]: doc for doc, _, _ in pods("production")}
    scalers = [d["spec"] for d in documents("production") if d["kind"] == "HorizontalPodAutoscaler"]
    assert {scaler["scaleTargetRef"]["name"] for scaler in scalers} == {"gateway", "search"}
    for scaler in scalers:
        target = owners[scaler["scaleTargetRef"]["name"]]
        assert target["kind"] == scaler["scaleTargetRef"]["kind"]
        assert "replicas" not in target["spec"]  # else every apply would undo what was scaled
    [search] = [s for s in scalers if s["scaleTargetRef"]["name"] == "search"]
    assert search["maxReplicas"] == by_name()[ITEM_CHANGED].partitions


def test_what_compose_asks_of_its_surroundings_stands_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):", (DEPLOY / "compose" / "compose.yaml").read_text("utf-8")))
    example = (DEPLOY / "compose" / ".env.example").read_text("utf-8")
    assert set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE)) == asked


def test_the_databases_of_compose_and_of_the_trial_are_made_as_the_services_name_them() -> None:
    script = (DEPLOY / "compose" / "databases.sh").read_text("utf-8")
    [made] = re.findall(r"for service in ([a-z ]+);", script)
    assert set(made.split()) == set(WITH_DATABASE)
    assert script == (DEPLOY / "k8s" / "components" / "servers" / "databases.sh").read_text("utf-8")
    given = compose()["services"]["postgres"]["environment"]
    assert {f"{service.upper()}_DATABASE_PASSWORD" for service in WITH_DATABASE} <= set(given)
