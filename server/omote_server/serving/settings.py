"""Everything an operator can set, each thing said once: name, type, default, bounds, help.

Flags, environment, `omote.toml` and docs/settings.md follow from the fields of `Settings`;
`configuration` reads them.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from omote_filters.policy import Policy
from omote_filters.words import Appearance
from omote_models.meshes import MeshChoice
from omote_server.frames.audience import LEAST_CELL, AudienceOptions
from omote_server.messages import Limits

_DEFAULTS = Limits()


class Unfit(ValueError):
    """Settings that do not go together."""

    def __init__(self, message: str, *names: str) -> None:
        """What is wrong, and the settings that it is about."""
        super().__init__(message)
        self.names = names


def _there(path: Path) -> Path:
    try:
        there = path.exists()
    except OSError as error:  # a folder on the way that may not be entered, a name too long
        raise ValueError(f"{path} cannot be looked at: {error.strerror}") from None
    if not there:
        raise ValueError(f"{path} does not exist")
    return path


def _filled(secret: SecretStr) -> SecretStr:
    # An empty variable in a deployment must not pass for a token, or everyone would have it.
    if not secret:
        raise ValueError("is empty; give a token, or leave it out")
    return secret


There = Annotated[Path, AfterValidator(_there)]
Filled = Annotated[SecretStr, AfterValidator(_filled)]


def _setting(default: Any, help: str, *, panel: str, **more: Any) -> Any:  # noqa: A002
    """A field of `Settings`.

    Args:
        default: its value; a function that makes it may be given as `default_factory` instead.
        help: what it does, in a sentence.
        panel: the heading under which it stands in help and documentation.
        more: `shown`, the default as a reader wants it; `flag`, a further name of its flag; and
            what pydantic's `Field` takes, such as bounds.
    """
    extra = {"panel": panel, "shown": more.pop("shown", None), "flag": more.pop("flag", None)}
    if "default_factory" not in more:
        more["default"] = default
    return Field(description=help, json_schema_extra=extra, **more)


class Settings(BaseModel):
    """Everything an operator can set. Made once, at the edge; a path in it exists."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: str = _setting("127.0.0.1", "Address to listen on.", panel="Listening")
    port: int = _setting(
        8560, "Port; 0 takes a free one, and --json tells which.", panel="Listening", ge=0, le=65535
    )
    insecure: bool = _setting(False, "Allow listening off loopback without TLS.", panel="Listening")
    tls_certificate: There | None = _setting(None, "PEM certificate chain.", panel="Listening")
    tls_key: There | None = _setting(None, "PEM private key.", panel="Listening")
    token: Filled | None = _setting(
        None,
        "Bearer token that every call but health must carry. No flag: process lists show flags.",
        panel="Listening",
    )
    reflection: bool = _setting(
        False, "Let tools like grpcurl explore the server.", panel="Listening"
    )
    metrics_port: int | None = _setting(
        None,
        "Port where Prometheus asks for /metrics; 0 takes a free one.",
        panel="Listening",
        ge=0,
        le=65535,
    )
    metrics_host: str = _setting(
        "127.0.0.1", "Address that Prometheus asks; it needs no token.", panel="Listening"
    )

    packs: tuple[There, ...] = _setting((), "A folder of packs, or a pack.", panel="Filters")
    estimator: str = _setting(
        "light",
        "Age and gender: light, accurate (five times the time), or the path of one of your own.",
        panel="Filters",
    )
    marks: bool = _setting(True, "Mark pictures with a replaced or aged face.", panel="Filters")
    careful: bool = _setting(
        False, "Whoever may be a minor, or is unknown, counts as one.", panel="Filters"
    )
    not_for_minors: tuple[Appearance, ...] = _setting(
        (), "A further class of filters that leaves minors alone.", panel="Filters"
    )

    audience_window_seconds: int | None = _setting(
        None,
        "Count people by age band and gender, in windows of so many seconds.",
        panel="Counting people",
        flag="--audience-window",
        ge=60,
    )
    audience_least: int = _setting(
        10, "Smaller counts are not told.", panel="Counting people", ge=LEAST_CELL
    )
    audience_rounding: int = _setting(
        5, "Counts are rounded down to a multiple of this.", panel="Counting people", ge=1
    )
    audience_file: Path | None = _setting(
        None, "CSV that every window is added to.", panel="Counting people"
    )

    # Two more than cores: MediaPipe passes a frame between threads of its own, and the cores
    # would idle meanwhile.
    workers: int = _setting(
        None,
        "Threads that process frames. MediaPipe passes a frame between threads; two more than "
        "cores fill the gaps.",
        panel="Running",
        default_factory=lambda: (os.cpu_count() or 1) + 2,
        shown="cores + 2",
        ge=1,
        le=1024,
    )
    mesh_runtime: MeshChoice = _setting(
        MeshChoice.AUTO,
        "What the face mesh runs in: own (Omote's kernel, compiled at the first start), stock "
        "(MediaPipe, the same results in twice the time), or auto: own where it runs.",
        panel="Running",
    )
    grace_seconds: float = _setting(
        5.0, "How many seconds a stop waits for streams.", panel="Running", ge=0
    )
    hang_seconds: float = _setting(
        30.0,
        "A frame that takes more seconds never comes back; its stream is ended.",
        panel="Running",
        ge=1,
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "The least that is logged.", panel="Running"
    )

    max_sessions: int = _setting(
        _DEFAULTS.max_sessions, "Streams served at once.", panel="Limits", ge=1, le=100_000
    )
    max_faces: int = _setting(
        _DEFAULTS.max_faces,
        "Faces followed in a stream, which may ask for fewer: one is faster.",
        panel="Limits",
        ge=1,
        le=16,
    )
    max_pixels: int = _setting(
        _DEFAULTS.max_pixels,
        "Pixels of a picture; checked before it is decoded.",
        panel="Limits",
        ge=1,
        le=2**26,
    )
    max_message_bytes: int = _setting(
        _DEFAULTS.max_message_bytes, "Bytes of a message.", panel="Limits", ge=1024, le=2**30
    )
    max_frames_per_second: float = _setting(
        _DEFAULTS.max_frames_per_second, "Frames a second of a stream.", panel="Limits", gt=0
    )
    max_chain_length: int = _setting(
        _DEFAULTS.max_chain_length, "Filters of a chain.", panel="Limits", ge=1, le=256
    )
    idle_timeout_seconds: float = _setting(
        _DEFAULTS.idle_timeout_seconds,
        "Seconds that a stream may be silent before it is ended.",
        panel="Limits",
        gt=0,
    )

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
    def _whole(self) -> Self:
        try:
            _ = self.policy  # raises where it would uncover minors
        except ValueError as error:
            raise Unfit(str(error), "not_for_minors") from None
        if self.audience_file is not None and self.audience_window_seconds is None:
            raise Unfit("audience_file needs audience_window_seconds", "audience_file")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise Unfit("TLS needs both tls_certificate and tls_key", "tls_certificate", "tls_key")
        return self

    @model_validator(mode="after")
    def _secure_by_default(self) -> Self:
        if self.loopback:
            return self
        if not self.tls and not self.insecure:
            raise Unfit(
                f"{self.host} can be reached from other machines: give --tls-certificate and "
                "--tls-key, or --insecure to go without encryption",
                "host",
            )
        if self.token is None:
            raise Unfit(
                f"{self.host} can be reached from other machines: set a token (OMOTE_TOKEN)",
                "host",
            )
        return self
