"""Pictures on their way out and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from omote.v1 import picture_pb2
from omote_client.errors import InvalidRequest
from omote_client.words import PictureFormat, known, word

Buffer: TypeAlias = Any
"""Whatever `memoryview` takes. Python 3.11 has no type for it that numpy's arrays fit."""

_FORMATS = {3: picture_pb2.PICTURE_FORMAT_RGB, 4: picture_pb2.PICTURE_FORMAT_RGBA}
_CHANNELS = {PictureFormat.RGB: 3, PictureFormat.RGBA: 4}


@dataclass(frozen=True, slots=True, eq=False)
class RawPicture:
    """An uncompressed picture: rows from the top, 8 bits a channel, red first.

    Attributes:
        data: width × height × channels bytes in any buffer, such as bytes or a numpy array.
            It is copied when it is sent.
        width, height: pixels.
        channels: 3 for RGB, 4 for RGBA.

    Raises:
        InvalidRequest: the buffer is not contiguous or its size does not fit.
    """

    data: Buffer
    width: int
    height: int
    channels: int = 3

    def __post_init__(self) -> None:
        if self.channels not in _FORMATS:
            raise InvalidRequest.at("picture", f"3 or 4 channels, not {self.channels}.")
        size = _view(self.data).nbytes
        expected = self.width * self.height * self.channels
        if self.width < 1 or self.height < 1 or size != expected:
            shape = f"{self.width} × {self.height} × {self.channels}"
            raise InvalidRequest.at("picture.data", f"{size} bytes are not {shape} pixels.")

    @classmethod
    def of(cls, array: Buffer) -> RawPicture:
        """A numpy array, or anything with a buffer, of shape (height, width, 3 or 4), uint8.

        The order is red, green, blue. OpenCV's is the other one: convert it before.

        Raises:
            InvalidRequest: another shape or type, or not C-contiguous.
        """
        view = _view(array)
        if view.ndim != 3 or view.format != "B":
            found = f"shape {view.shape} of type {view.format!r}"
            raise InvalidRequest.at("picture", f"Give height × width × 3 or 4 uint8, not {found}.")
        height, width, channels = view.shape  # type: ignore[misc]  # typeshed: of any length
        return cls(array, width, height, channels)


ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True)
class Upright:
    """The upright picture, in whose pixels faces are told.

    It is what was sent, as viewers show it, turned clockwise by `rotation` and then, where
    `mirrored` is True, with left and right exchanged. Pictures and patches come back as they were
    sent; `to_sent` says where a point of a face is in them.

    Attributes:
        width, height: of the upright picture, pixels.
        rotation: degrees: 0, 90, 180 or 270.
        mirrored: whether what was sent is as in a mirror.
    """

    width: int
    height: int
    rotation: int = 0
    mirrored: bool = False

    def to_sent(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the upright picture is in the one that was sent, and comes back."""
        if self.mirrored:
            x = self.width - x
        match self.rotation:
            case 90:
                return y, self.width - x
            case 180:
                return self.width - x, self.height - y
            case 270:
                return self.height - y, x
        return x, y


def check_rotation(degrees: int) -> int:
    """The degrees, if a picture can be turned by them.

    Raises:
        InvalidRequest: they are none of `ROTATIONS`.
    """
    if degrees not in ROTATIONS:
        raise InvalidRequest.at("rotation", f"0, 90, 180 or 270 degrees, not {degrees!r}.")
    return degrees


FrameLike: TypeAlias = "bytes | bytearray | memoryview | RawPicture"
"""What can be sent: the bytes of a JPEG, PNG or WebP file, or a raw picture."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that came back: JPEG, PNG or WebP bytes, or raw pixels.

    `format` is None where a newer server uses one that this client does not know.
    """

    data: bytes
    width: int
    height: int
    format: PictureFormat | None

    @property
    def pixels(self) -> memoryview:
        """Raw pixels as a view of shape (height, width, channels); `numpy.asarray` takes it.

        Raises:
            InvalidRequest: the picture is encoded. Ask for `Output(format=PictureFormat.RGB)`.
        """
        channels = _CHANNELS.get(self.format) if self.format else None
        if channels is None:
            raise InvalidRequest.at("output.format", f"A {self.format} picture has no raw pixels.")
        return memoryview(self.data).cast("B", (self.height, self.width, channels))


def write_picture(picture: picture_pb2.Picture, frame: FrameLike) -> None:
    """Puts a frame into the wire's picture.

    Raises:
        InvalidRequest: it is empty, or not a picture at all.
    """
    if isinstance(frame, RawPicture):
        picture.format = _FORMATS[frame.channels]
        picture.width, picture.height = frame.width, frame.height
        picture.data = _bytes(frame.data)
        return
    view = _view(frame)
    if view.ndim != 1:
        raise InvalidRequest.at(
            "picture", "Wrap an array in RawPicture.of(array), red first, or encode it as JPEG."
        )
    if not view.nbytes:
        raise InvalidRequest.at("picture.data", "The picture is empty.")
    picture.data = _bytes(frame)


def picture_from_wire(picture: picture_pb2.Picture) -> Picture:
    """A picture of the wire as the user sees it."""
    kind = known(PictureFormat, word(picture_pb2.PictureFormat, picture.format))
    return Picture(picture.data, picture.width, picture.height, kind)


def _bytes(data: Buffer) -> bytes:
    return data if isinstance(data, bytes) else _view(data).tobytes()


def _view(data: Buffer) -> memoryview:
    """A view of a contiguous buffer."""
    try:
        view = memoryview(data)
    except TypeError:
        kind = type(data).__name__
        raise InvalidRequest.at("picture", f"A picture is bytes, not {kind}.") from None
    if not view.c_contiguous:
        raise InvalidRequest.at("picture", "Not contiguous: use numpy.ascontiguousarray(array).")
    return view
