"""What is wrong with a service's settings, all of it at once. Nothing is opened, made, or asked over a network."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote, urlsplit

from nungil.runtime.errors import Misconfigured
from nungil.runtime.settings import PREFIX, ServiceSettings, wrong_values
from nungil.runtime.urls import without_secrets

# A service's image holds no other service's code, so what the others read is written down here; a test compares it with their classes.
# One file of variables may serve all services: what only another reads is no fault.
_OF_SERVICES = """
    activity_gains allowed_hosts batch_pictures boards_per_person bytes_kept_s cache_bytes call_timeout_s cluster_likeness database_url decoder_cpu_s decoder_memory_mb
    decoders denied_pictures device embed_address encoder_url event_log_url exact_limit exact_most export_timeout_s feed_limit_bytes fresh_pictures fresh_s goes_with_people half_life_days
    ingest_address interest_floor json_limit_bytes keep_alive_s kept_encoder_url lens_idle_s lens_pool_rows lens_rest_s
    lens_sessions lens_slow_s listen log_format log_level match_cosine
    metrics_listen object_store_url orphan_age_s orphans_every_s page_dir picture_limit_bytes picture_timeout_s pins_per_board poll_records preparers profile_address
    receipt_key row_cache_bytes rpc_workers search_address segments_per_tenant shutdown_grace_s smallest_segment sweep_every_s taxonomy_overlays transient_s unmet_people vector_index_url
    watches_per_person
"""
OF_SERVICES = frozenset(f"{PREFIX}{name.upper()}" for name in _OF_SERVICES.split())
KEYS = {
    "NUNGIL_S3_ACCESS_KEY": "the key for the bucket, where the URL holds none",
    "NUNGIL_S3_SECRET_KEY": "its secret",
}
OF_KAFKA = frozenset(
    f"NUNGIL_KAFKA_{name}" for name in ("PASSWORD", "SASL_MECHANISM", "CA_FILE", "CERT_FILE", "KEY_FILE")
)
OF_COMMANDS = frozenset(
    {*KEYS, *OF_KAFKA, "NUNGIL_DATA", "NUNGIL_KEY", "NUNGIL_REPLICATION_FACTOR", "NUNGIL_SERVERS", "NUNGIL_URL"}
)
OF_THIS_REPOSITORY = frozenset(
    {"NUNGIL_ACCEPT_OPEN_PORTS", "NUNGIL_CHROMIUM", "NUNGIL_NO_SKIPS", "NUNGIL_PHOTOS", "NUNGIL_SERVERS_CACHE"}
)
_OF_TESTS = "NUNGIL_TEST_"
# What Kubernetes puts in by itself for a Service called nungil-…
_OF_KUBERNETES = re.compile(r"_(SERVICE_(HOST|PORT)\w*|PORT(_\d+_(TCP|UDP)\w*)?)$")

_LONGEST_SOCKET_PATH = 107
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ADDRESS = re.compile(r"(?:dns:(?:///)?)?(?:\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")


def faults_of(of: type[ServiceSettings]) -> list[str]:
    """Each fault as 'NUNGIL_NAME: what is wrong, and what to do'; no secret is in it. Empty: the service can start."""
    wrong = wrong_values(of)
    given = {name: text for name in of.model_fields if name not in wrong and (text := _given(of, name)) is not None}
    for name, text in given.items():
        check = _check_of(name)
        left_out = text == "" == of.model_fields[name].default
        if check is not None and not left_out:
            try:
                check(text)
            except Misconfigured as error:
                wrong[name] = str(error).replace(text, without_secrets(text)) if text else str(error)
    wrong |= {name: what for name, what in _contradictions(given).items() if name not in wrong}
    faults = {f"{PREFIX}{name.upper()}": what for name, what in wrong.items()} | _unknown(of)
    return [f"{name}: {what}" for name, what in faults.items()]


def disagreements(given: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is wrong with services that are to work together. given: their settings as text, by service and name."""
    faults = []
    for name, what in (
        ("event_log_url", "would wait for each other's events for ever"),
        ("object_store_url", "would miss each other's pictures and features"),
        ("vector_index_url", "would miss each other's rows"),
        ("encoder_url", "would miss each other's features"),
    ):
        services = _by_value(given, name)
        if len(services) > 1:
            groups = "; ".join(f"{', '.join(whose)}: {value}" for value, whose in services.items())
            faults.append(f"{PREFIX}{name.upper()}: services that differ in it {what} ({groups})")
    return faults + [
        f"NUNGIL_DATABASE_URL: {', '.join(whose)} share a database: give each one of its own"
        for whose in _by_value(given, "database_url").values()
        if len(whose) > 1
    ]


def settings_given(of: type[ServiceSettings]) -> dict[str, str]:
    """The settings as text, by name of the field; those without a value or with one that is no text are left out."""
    return {name: text for name in of.model_fields if (text := _given(of, name))}


def _given(of: type[ServiceSettings], name: str) -> str | None:
    wanted = f"{PREFIX}{name}".upper()
    for variable, value in os.environ.items():
        if variable.upper() == wanted:
            return value
    default = of.model_fields[name].default
    return str(default) if isinstance(default, str | Path) else None


def _by_value(given: Mapping[str, Mapping[str, str]], name: str) -> dict[str, list[str]]:
    """Services by what they mean: a login and the name of a member do not count."""
    found: dict[str, list[str]] = {}
    for service, settings in given.items():
        if name in settings:
            place = re.sub(r"://\*\*\*@", "://", without_secrets(settings[name])).partition("?")[0].rstrip("/")
            found.setdefault(place if "://" in settings[name] else settings[name], []).append(service)
    return found


def _unknown(of: type[ServiceSettings]) -> dict[str, str]:
    own = {f"{PREFIX}{name.upper()}" for name in of.model_fields}
    known = own | OF_SERVICES | OF_COMMANDS | OF_THIS_REPOSITORY
    faults = {}
    for name in sorted(name for name in os.environ if name.upper().startswith(PREFIX)):
        if name.upper() in known or name.upper().startswith(_OF_TESTS) or _OF_KUBERNETES.search(name.upper()):
            continue
        near = get_close_matches(name.upper(), sorted(own), 1, 0.8) or get_close_matches(name.upper(), sorted(known), 1)
        faults[name] = f"there is no such setting; did you mean {near[0]}?" if near else "there is no such setting"
    return faults


def _contradictions(given: Mapping[str, str]) -> dict[str, str]:
    faults = {}
    if given.get("vector_index_url") == "exact://":
        faults["vector_index_url"] = (
            "exact:// lies in the memory of one process, so search would never find what embed writes: "
            "use milvus-lite://127.0.0.1:PORT or milvus://host:19530"
        )
    kept = given.get("kept_encoder_url")
    if kept and kept == given.get("encoder_url"):
        faults["kept_encoder_url"] = "it is NUNGIL_ENCODER_URL itself: name the encoder before, or leave it empty"
    return faults


def _check_of(name: str) -> Callable[[str], None] | None:
    if name.endswith("_address"):
        return _check_address
    return _CHECKS.get(name)


# Each imports its port only when it is asked: a service's image holds the packages of that service alone.


def _check_event_log(url: str) -> None:
    from nungil.event_log.open import check_event_log_url

    check_event_log_url(url)
    _check_sqlite_file(url)


def _check_object_store(url: str) -> None:
    from nungil.object_store.open import check_object_store_url

    check_object_store_url(url)
    if url.startswith("file://"):
        folder = Path(unquote(urlsplit(url).path))
        _check_folder(folder, os.R_OK | os.X_OK if folder.exists() else os.W_OK | os.X_OK)
    elif url.startswith("s3+https://") and (bundle := os.environ.get("SSL_CERT_FILE")):
        _check_readable(Path(bundle), "SSL_CERT_FILE")


def _check_vector_index(url: str) -> None:
    from nungil.vector_index.open import check_vector_index_url

    check_vector_index_url(url)


def _check_database(url: str) -> None:
    from nungil.database.open import check_database_url

    query = check_database_url(url)
    for name in ("sslrootcert", "sslcert", "sslkey", "passfile"):
        if name in query and query[name] != "system":
            _check_readable(Path(query[name]), name)
    if query.get("sslmode", "prefer") not in _SSL_MODES:
        raise Misconfigured(f"sslmode={query['sslmode']}: it should be one of {', '.join(_SSL_MODES)}")
    _check_sqlite_file(url)


def _check_encoder(url: str) -> None:
    from nungil.encoder.open import space_of

    space_of(url)


def _check_kept_encoder(url: str) -> None:
    if url:
        _check_encoder(url)


def _check_overlays(folder: str) -> None:
    if folder:
        from nungil.taxonomy.overlay import faults_of_overlays

        if faults := faults_of_overlays(Path(folder)):
            raise Misconfigured("; ".join(faults))


def _check_address(address: str) -> None:
    path = address.removeprefix("unix:")
    if path != address:
        if not path.strip("/"):
            raise Misconfigured(f"{address!r} names no socket: write unix:/run/nungil/x.sock")
        if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
            raise Misconfigured(
                f"{address!r}: a socket's path may have {_LONGEST_SOCKET_PATH} bytes; use a shorter one"
            )
        return
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[1]) > 65535:
        raise Misconfigured(f"{address!r} is no address: write host:port, or unix:/path/x.sock")


def _check_metrics_listen(address: str) -> None:
    if address:
        _check_address(address)
        if address.startswith("unix:"):
            raise Misconfigured(f"{address!r} is no host:port")


def _check_page(folder: str) -> None:
    if not (Path(folder) / "index.html").is_file():
        raise Misconfigured(f"there is no index.html in {folder}")


def _check_sqlite_file(url: str) -> None:
    from nungil.database import sqlite

    if not url.startswith(sqlite.SCHEME):
        return
    path = sqlite.path_of(url)
    _check_folder(path.parent, os.W_OK | os.X_OK)
    if path.exists() and not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
        raise Misconfigured(f"{path} cannot be read and written: it belongs to another user, or is no file")


def _check_folder(folder: Path, how: int) -> None:
    """As it is, or as it could be made."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        raise Misconfigured(f"{there} is no folder")
    if not os.access(there, how):
        raise Misconfigured(f"the folder {there} cannot be used by this user: change its owner or its rights")


def _check_readable(path: Path, what: str) -> None:
    if not (path.is_file() and os.access(path, os.R_OK)):
        raise Misconfigured(f"{what} names {path}, which cannot be read")


_CHECKS: dict[str, Callable[[str], None]] = {
    "event_log_url": _check_event_log,
    "object_store_url": _check_object_store,
    "vector_index_url": _check_vector_index,
    "database_url": _check_database,
    "encoder_url": _check_encoder,
    "kept_encoder_url": _check_kept_encoder,
    "listen": _check_address,
    "metrics_listen": _check_metrics_listen,
    "page_dir": _check_page,
    "taxonomy_overlays": _check_overlays,
}
