"""Images and the compose file of deploy/: what goes in, where it comes from, what a container may do."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from deploy_files import DEPLOY, RENDERED, ROOT, compose, pods, service_of

from nungil.cli.data_folder import SERVICES

DOCKERFILE = (DEPLOY / "images" / "Dockerfile").read_text("utf-8")
LOCKS = ROOT / "requirements"
TORCH = re.compile(r"torch|triton|nvidia-|cuda-")

# Imports what the service's main imports and what it opens by URL in a cluster, while everything that its lock does not
# name cannot be found.
_IMPORT = """
import sys
from importlib import import_module

service, *absent = sys.argv[1:]

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in absent else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
for module in [f"services.{service}.__main__", "nungil.event_log.kafka", "nungil.event_log.topics_apply"]:
    import_module(module)
if service != "embed":
    for module in ["nungil.cli.main", "nungil.cli.operate", "nungil.database.postgres"]:
        import_module(module)
if service == "ingest":
    import_module("nungil.cli.stores")
if service == "gateway":
    import_module("nungil.cli.dead")
if "torch" in sys.modules:
    sys.exit("torch is imported before it is needed")
if service == "embed":
    import_module("nungil.encoder.efficientnet_lite0")
"""


def pins(name: str) -> dict[str, set[str]]:
    """Versions by package, as a lock names them: more than one where they differ by Python or machine."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", (LOCKS / name).read_text("utf-8"), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def images() -> set[str]:
    """Every image that compose or a manifest names."""
    found = {part["image"] for part in compose()["services"].values()}
    return found | {container["image"] for overlay in RENDERED for _, _, container in pods(overlay)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_needs_no_package_beyond_its_own_lock(service: str) -> None:
    locked = set(pins(f"services/{service}.txt")) | (set(pins("services/torch.txt")) if service == "embed" else set())
    absent = {
        module
        for module, distributions in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", name).lower() for name in distributions} & (locked | {"nungil"})
    }
    assert "scipy" in absent
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, service, *sorted(absent)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("service", [*SERVICES, "torch", "embed-hf"])
def test_what_an_image_installs_is_what_the_tests_ran_with(service: str) -> None:
    tested = pins("dev.txt") | pins("run.txt")
    for package, versions in pins(f"services/{service}.txt").items():
        assert versions <= tested[package], f"{package}: make lock"


def test_only_embed_has_a_network_and_the_gpus_libraries_are_apart() -> None:
    for service in SERVICES:
        assert not [package for package in pins(f"services/{service}.txt") if TORCH.match(package)]
    assert set(pins("services/torch.txt")) > {"torch", "triton"}


def test_no_image_holds_what_reports_to_a_packages_makers() -> None:
    assert not [path.name for path in LOCKS.glob("services/*.txt") if "openvino-telemetry==" in path.read_text("utf-8")]


def test_no_lock_names_where_packages_come_from() -> None:
    for path in [*LOCKS.glob("services/*"), DEPLOY / "images" / "Dockerfile"]:
        assert not re.search(r"https?://(?!kubectl)", path.read_text("utf-8")), path.name


def test_every_image_has_a_tag_that_says_which() -> None:
    for image in images():
        name, _, tag = image.rpartition(":")
        assert re.search(r"\d+\.\d+|RELEASE\.\d{4}", tag), image
        assert "latest" not in tag
        assert name
    [base] = re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim", base)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON}", "packages"}


def test_compose_and_the_trial_run_the_same_servers() -> None:
    versions: dict[str, set[str]] = {}
    for image in images():
        name, _, tag = image.rpartition(":")
        if service_of(image) not in SERVICES:
            versions.setdefault(name, set()).add(tag)
    assert {name: tags for name, tags in versions.items() if len(tags) != 1} == {}


def test_our_images_carry_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ours = {image.rpartition(":")[2] for image in images() if service_of(image) in SERVICES}
    assert ours == {project["version"], f"{project['version']}-cuda"}


def test_the_last_stage_installs_nothing_and_is_not_root() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "RUN" not in last
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert not re.search(r"apt-get|gcc|build-essential", DOCKERFILE)


def test_what_the_dockerfile_copies_is_there_and_is_sent_to_the_builder() -> None:
    sent = re.findall(r"^!(\S+)", (DEPLOY / "images" / "Dockerfile.dockerignore").read_text("utf-8"), re.MULTILINE)
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            for service in SERVICES:
                path = source.replace("${SERVICE}", service).rstrip("/")
                assert (ROOT / path).exists()
                assert any(path == kept or path.startswith(f"{kept}/") for kept in sent)


def test_our_containers_can_write_only_to_tmp_and_have_no_rights() -> None:
    ours = {name: part for name, part in compose()["services"].items() if service_of(part["image"]) in SERVICES}
    assert set(SERVICES) < set(ours)
    for part in ours.values():
        assert part["read_only"] is True
        assert part["cap_drop"] == ["ALL"]
        assert part["security_opt"] == ["no-new-privileges:true"]
        assert part["tmpfs"] == ["/tmp:size=1g"]
        assert "volumes" not in part
        assert part["pull_policy"] == "never"  # the names are not ours on any registry
    assert all("healthcheck" in ours[name] and "mem_limit" in ours[name] for name in SERVICES)


def test_compose_publishes_the_gateway_alone_and_on_loopback() -> None:
    parts = compose()["services"]
    assert {name: part["ports"] for name, part in parts.items() if "ports" in part} == {
        "gateway": ["127.0.0.1:8000:8000"]
    }
    assert {name for name, part in parts.items() if part["networks"] != ["inside"]} == {"gateway"}
    assert compose()["networks"]["inside"] == {"internal": True}


def test_every_server_of_compose_is_asked_how_it_is_before_others_start() -> None:
    parts = compose()["services"]
    for name, part in parts.items():
        for needed, how in part.get("depends_on", {}).items():
            assert how["condition"] != "service_started", name
            assert how["condition"] != "service_healthy" or "healthcheck" in parts[needed]


def test_no_secret_stands_in_compose() -> None:
    text = (DEPLOY / "compose" / "compose.yaml").read_text("utf-8")
    for line in text.splitlines():
        if re.search(r"PASSWORD|SECRET|ACCESS_KEY", line):
            assert "${" in line, line
    example = (DEPLOY / "compose" / ".env.example").read_text("utf-8")
    assert not re.search(r"^\w+=\S", example, re.MULTILINE)
    assert (DEPLOY / "compose" / ".gitignore").read_text("utf-8").split() == [".env"]
