"""What a session and its client say to each other, free of any wire format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from omote_filters.words import Bypass, ChainEntry, Consent, Degradation, Event, Violation
from omote_models.face import Declared, Face


class PictureFormat(StrEnum):
    """How pixels are written down."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    RGB = "rgb"
    RGBA = "rgba"


ROTATIONS = (0, 90, 180, 270)
"""Degrees clockwise by which a picture may have to be turned to be upright."""

RAW_CHANNELS = {PictureFormat.RGB: 3, PictureFormat.RGBA: 4}


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A picture as bytes; `format` None means: read the header."""

    format: PictureFormat | None
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Upright:
    """The upright picture, in whose pixels faces are. See `Upright` in picture.proto."""

    width: int
    height: int
    rotation: int = 0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """A changed rectangle, its upper left corner at (x, y) in pixels of the frame as shown."""

    x: int
    y: int
    picture: EncodedPicture


class OutputMode(StrEnum):
    """What results carry."""

    FRAME = "frame"
    PATCHES = "patches"
    FACES_ONLY = "faces_only"


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What results carry, in detail. See `OutputOptions` in stream.proto."""

    mode: OutputMode = OutputMode.FRAME
    format: PictureFormat = PictureFormat.JPEG
    jpeg_quality: int = 85
    landmarks: bool = False
    blendshapes: bool = False
    pose: bool = False
    faces: bool = False
    attributes: bool = False
    age_ranges: tuple[int, ...] = ()

    @property
    def wants_faces(self) -> bool:
        """Whether results carry faces."""
        return self.mode is OutputMode.FACES_ONLY or any(
            (self.faces, self.landmarks, self.blendshapes, self.pose, self.attributes)
        )


class Delivery(StrEnum):
    """What happens when frames come faster than they can be processed."""

    NEWEST = "newest"
    EVERY = "every"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one stream. See `StreamLimits` in stream.proto."""

    max_message_bytes: int = 16 * 1024 * 1024
    max_pixels: int = 3840 * 2160
    max_frames_per_second: float = 120.0
    max_chain_length: int = 16
    max_faces: int = 4
    idle_timeout_seconds: float = 60.0
    max_sessions: int = 64


# From the client.


@dataclass(frozen=True, slots=True)
class Open:
    """The first message."""

    consent: Consent = Consent()
    declared: Declared = Declared()
    chain: tuple[ChainEntry, ...] = ()
    output: OutputOptions = OutputOptions()
    wanted: Limits | None = None
    delivery: Delivery = Delivery.NEWEST
    client: str = ""
    rotation: int = 0
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, with its number and its capture time on the client's clock.

    `rotation` and `mirrored` are None where they are what `Open` said.
    """

    sequence: int
    capture_time_us: int
    picture: EncodedPicture
    rotation: int | None = None
    mirrored: bool | None = None


@dataclass(frozen=True, slots=True)
class SetChain:
    """Switch to another chain."""

    chain: tuple[ChainEntry, ...]


@dataclass(frozen=True, slots=True)
class SetConsent:
    """Replace the consent."""

    consent: Consent


@dataclass(frozen=True, slots=True)
class HostEvent:
    """An event of the host app, and how many bytes it came in."""

    event: Event
    size: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """No more frames will come."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that could not be understood; `sequence` where it was a frame.

    After one that is `broken`, not even the wire format's, nothing can be trusted: the call ends.
    """

    violations: tuple[Violation, ...]
    sequence: int | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Still:
    """A picture and what shall happen to it."""

    picture: EncodedPicture
    chain: tuple[ChainEntry, ...] = ()
    consent: Consent = Consent()
    declared: Declared = Declared()
    output: OutputOptions = OutputOptions()
    rotation: int = 0
    mirrored: bool = False


Request = Open | Frame | SetChain | SetConsent | HostEvent | Finish | Malformed


# To the client.


@dataclass(slots=True)
class Timings:
    """Milliseconds of the server's time for one frame."""

    queue: float = 0.0
    decode: float = 0.0
    track: float = 0.0
    describe: float = 0.0
    apply: float = 0.0
    encode: float = 0.0
    total: float = 0.0

    @property
    def pipeline(self) -> float:
        """The work itself, without waiting and transport."""
        return self.decode + self.track + self.describe + self.apply + self.encode


@dataclass(slots=True)
class Result:
    """A processed frame.

    `packed` are the parts that take time to write down, written by the worker that made it; what
    only the session knows (drops, events carried over, the total time) is added to it at the end.
    """

    sequence: int
    capture_time_us: int
    picture: EncodedPicture | None = None
    patches: Sequence[Patch] = ()
    faces: Sequence[Face] = ()
    upright: Upright | None = None
    output: OutputOptions = OutputOptions()
    attributes: bool = False
    dropped_before: int = 0
    degraded: Sequence[Degradation] = ()
    bypassed: Sequence[Bypass] = ()
    applied: Sequence[str] = ()
    disabled: Sequence[Bypass] = ()
    events: Sequence[Event] = ()
    timings: Timings = field(default_factory=Timings)
    chain_revision: int = 0
    packed: Sequence[bytes] = ()

    def pack(self, packer: Callable[[Result], Sequence[bytes]]) -> None:
        """Write down what is large, and let go of it."""
        self.packed = packer(self)
        self.picture, self.patches, self.faces = None, (), ()


@dataclass(frozen=True, slots=True)
class Ready:
    """The stream is open."""

    session_id: str
    limits: Limits
    chain_revision: int


@dataclass(frozen=True, slots=True)
class ChainApplied:
    """The chain is in force on the next frame."""

    revision: int


@dataclass(frozen=True, slots=True)
class ChainRefused:
    """The old chain stays."""

    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class ConsentApplied:
    """The consent is in force on the next frame."""

    consent: Consent


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """This frame could not be processed."""

    sequence: int
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class EventRefused:
    """This event, or a message that could not be understood, was not taken."""

    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class FilterDisabled:
    """A filter was switched off for this session."""

    bypass: Bypass


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The server shuts down."""

    grace_seconds: float


Notice = (
    ChainApplied
    | ChainRefused
    | ConsentApplied
    | FrameRefused
    | EventRefused
    | FilterDisabled
    | GoingAway
)


@dataclass(slots=True)
class Summary:
    """The whole stream in figures: received = returned + dropped + refused."""

    received: int = 0
    returned: int = 0
    dropped: int = 0
    refused: int = 0
    tracks: int = 0


Response = Ready | Result | Notice | Summary


# Of the server itself.


@dataclass(frozen=True, slots=True)
class ModelFact:
    """One model of the manifest, or of an estimator of one's own."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    loaded: bool
    card: str
    runtime: str = ""
