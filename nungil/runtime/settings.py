"""Settings come from the environment, NUNGIL_<NAME>, once, at start; wrong ones stop the process with every fault listed."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from nungil.runtime.errors import Misconfigured

PREFIX = "NUNGIL_"


class _Environment(EnvSettingsSource):
    """As pydantic's, but what is no JSON where JSON is needed is one fault among the others, and not an end to the reading."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class ServiceSettings(BaseSettings):
    """What every service reads; each adds its own, under the same names: object_store_url, database_url, vector_index_url,
    encoder_url, <service>_address. Addresses are gRPC's: 'unix:/run/nungil/search.sock' or '127.0.0.1:7003'."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    event_log_url: str = Field(description="sqlite:///…/log.db, or kafka://host:9092")
    listen: str = Field(description="where this service answers gRPC (the gateway: HTTP)")
    metrics_listen: str = Field("", description="where Prometheus reads /metrics: '0.0.0.0:9464'; empty: nowhere")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    log_format: Literal["json", "text"] = Field("json", description="json for programs, text for eyes")
    shutdown_grace_s: float = Field(10.0, gt=0, description="how long calls in flight may take after a stop signal")
    bytes_kept_s: int = Field(
        2_592_000,
        ge=0,
        description="how long the servers behind us (PostgreSQL and its WAL, Milvus) keep the bytes of what was removed; the receipt "
        "of an erasure says so",
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls)

    @classmethod
    def service(cls) -> str:
        """'embed' for EmbedSettings."""
        return cls.__name__.removesuffix("Settings").lower()


S = TypeVar("S", bound=ServiceSettings)


def read_settings(of: type[S]) -> S:
    """The settings of a service. Raises Misconfigured with every fault, one a line."""
    from nungil.runtime.configuration import faults_of  # it knows every port, and they know this package

    faults = faults_of(of)
    if faults:
        raise Misconfigured(told(of.service(), faults))
    return of()


def told(service: str, faults: list[str]) -> str:
    """Every fault of a service's settings, one a line."""
    how_many = "1 setting is wrong" if len(faults) == 1 else f"{len(faults)} settings are wrong"
    return f"{service} cannot start: {how_many}; see `nungil config explain {service}`" + "".join(
        f"\n  {fault}" for fault in faults
    )


def wrong_values(of: type[ServiceSettings]) -> dict[str, str]:
    """What is missing, of the wrong type or out of range, by the name of the field."""
    try:
        of()
    except ValidationError as error:
        return {str(fault["loc"][0]): _of_pydantic(of, fault) for fault in error.errors()}
    return {}


def _of_pydantic(of: type[ServiceSettings], fault: Any) -> str:
    field = of.model_fields[str(fault["loc"][0])]
    if fault["type"] == "missing":
        return f"is not set: {field.description}" if field.description else "is not set"
    message = fault["msg"].removeprefix("Value error, ")
    message = message.replace("Input should", "it should")
    where = "".join(f"{part}: " for part in fault["loc"][1:])
    value = repr(fault["input"])
    shown = f"{value}: " if len(value) <= 60 and "url" not in str(fault["loc"][0]) else ""
    as_json = f"; write JSON ({field.description})" if fault["type"] in ("list_type", "dict_type") else ""
    return f"{where}{shown}{message}{as_json}"
