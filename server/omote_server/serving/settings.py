"""How a server is set up: flags over environment (`OMOTE_*`) over `omote.toml` over defaults."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from omote_filters.policy import Policy
from omote_filters.words import Appearance
from omote_server.frames.audience import LEAST_CELL, AudienceOptions
from omote_server.messages import Limits

_DEFAULTS = Limits()


class Settings(BaseSettings):
    """Everything an operator can set. Read once, at the edge."""

    model_config = SettingsConfigDict(
        env_prefix="OMOTE_", toml_file="omote.toml", frozen=True, extra="forbid"
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8560, ge=0, le=65535, description="Port; 0 takes a free one.")
    # Two more than cores: MediaPipe passes a frame between threads of its own, and the cores
    # would idle meanwhile.
    workers: int = Field(
        default_factory=lambda: (os.cpu_count() or 1) + 2, ge=1, description="Worker threads."
    )
    insecure: bool = Field(False, description="Allow listening off loopback without TLS.")
    token: SecretStr | None = Field(None, description="Bearer token every call must carry.")
    tls_certificate: Path | None = Field(None, description="PEM certificate chain.")
    tls_key: Path | None = Field(None, description="PEM private key.")
    reflection: bool = Field(False, description="Let tools like grpcurl explore the server.")
    packs: tuple[Path, ...] = Field((), description="Folders of packs, or packs.")
    marks: bool = Field(True, description="Mark pictures with a replaced or aged face.")
    estimator: str = Field(
        "light", description="Age and gender: light, accurate, or the path of an estimator.toml."
    )
    not_for_minors: tuple[Appearance, ...] = Field(
        (), description="Further classes of filters that leave minors alone."
    )
    careful: bool = Field(
        False, description="Whoever may be a minor, or is unknown, counts as one."
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Port for Prometheus; 0 takes a free one."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that Prometheus asks; no token.")
    audience_window_seconds: int | None = Field(
        None, ge=60, description="Count people by age band and gender in such windows."
    )
    audience_least: int = Field(10, ge=LEAST_CELL, description="Smaller counts are not told.")
    audience_rounding: int = Field(5, ge=1, description="Counts are rounded down to this.")
    audience_file: Path | None = Field(None, description="CSV that every window is added to.")
    grace_seconds: float = Field(5.0, ge=0, description="How long a stop waits for streams.")
    hang_seconds: float = Field(
        30.0, ge=1, description="A frame that takes longer never comes back; its stream is ended."
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")

    max_message_bytes: int = Field(_DEFAULTS.max_message_bytes, ge=1024, le=2**30)
    max_pixels: int = Field(_DEFAULTS.max_pixels, ge=1, le=2**26)
    max_frames_per_second: float = Field(_DEFAULTS.max_frames_per_second, gt=0)
    max_chain_length: int = Field(_DEFAULTS.max_chain_length, ge=1, le=256)
    max_faces: int = Field(_DEFAULTS.max_faces, ge=1, le=16)
    max_sessions: int = Field(_DEFAULTS.max_sessions, ge=1, le=100_000)
    idle_timeout_seconds: float = Field(_DEFAULTS.idle_timeout_seconds, gt=0)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def limits(self) -> Limits:
        """What every stream is held to."""
        names = Limits.__dataclass_fields__
        return Limits(**{name: getattr(self, name) for name in names})

    @property
    def policy(self) -> Policy:
        """What is allowed on whose face."""
        return Policy(frozenset(self.not_for_minors), self.careful, self.marks)

    @property
    def audience(self) -> AudienceOptions | None:
        """How people are counted, None where they are not."""
        if self.audience_window_seconds is None:
            return None
        return AudienceOptions(
            self.audience_window_seconds,
            self.audience_least,
            self.audience_rounding,
            self.audience_file,
        )

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls_certificate is not None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _secure_by_default(self) -> Self:
        _ = self.policy  # raises where it would uncover minors
        if self.audience_file is not None and self.audience_window_seconds is None:
            raise ValueError("audience_file needs audience_window_seconds")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("TLS needs both tls_certificate and tls_key")
        if self.loopback:
            return self
        if not self.tls and not self.insecure:
            raise ValueError(
                f"{self.host} can be reached from other machines: give --tls-certificate and "
                "--tls-key, or --insecure to go without encryption"
            )
        if self.token is None:
            raise ValueError(
                f"{self.host} can be reached from other machines: set a token (OMOTE_TOKEN)"
            )
        return self
