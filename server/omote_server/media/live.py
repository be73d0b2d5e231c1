"""A camera of the network by its address. It comes back when its connection does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Event

import av
from av.error import FFmpegError

from omote_server.frames.codec import Pixels
from omote_server.media.opening import VideoError
from omote_server.media.reader import VideoReader
from omote_server.media.reading import Closing

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps")
"""What addresses of cameras begin with."""
_PROTOCOLS = "rtsp,rtp,udp,tcp,tls,http,https,httpproxy,rtmp,rtmps,crypto"
"""What an address may lead to: the network, and never a file of this machine."""
_PATIENCE = 10.0
"""Seconds without an answer, or without a frame, after which a connection counts as lost."""
_MOST_TRIES = 8
_LONGEST_WAIT = 30.0


def is_address(source: str) -> bool:
    """Whether a source is an address and not a file's name.

    Raises:
        VideoError: it is an address of a kind that no camera has.
    """
    found = _SCHEME.match(source)
    if found is None:
        return False
    if found[1].lower() not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise VideoError(f"{found[0]} is no address of a camera; take one of {known}")
    return True


class NetworkCamera(Closing):
    """A camera of the network as an iterator of pictures. Any thread may close it.

    Attributes:
        frames_per_second: what the camera says; 30 where it says nothing.
    """

    def __init__(
        self,
        address: str,
        on_wait: Callable[[str], None] = lambda _: None,
        patience: float = _PATIENCE,
    ) -> None:
        """Connect.

        Args:
            address: with one of `SCHEMES`; passwords in it are never told.
            on_wait: told why, and for how long, it waits for a lost connection.
            patience: seconds without an answer after which a connection counts as lost.

        Raises:
            VideoError: nobody answers there, or it is no video.
        """
        self._address, self._on_wait, self._patience = address, on_wait, patience
        self._closed = Event()
        self._reader = _Connection(address, patience)
        self.frames_per_second = self._reader.frames_per_second

    def pictures(self) -> Iterator[Pixels]:
        """(height, width, 3) uint8 RGB, upright, until it is closed or stays away.

        A lost connection is opened again, after 1, 2, 4 … seconds, eight times in a row.

        Raises:
            VideoError: it stays away.
        """
        tries, size = 0, None
        while not self._closed.is_set():
            try:
                for frame in self._reader.frames():
                    tries, size = 0, self._reader.size
                    yield frame.pixels
            except VideoError:
                # The connection held no frame: one try more.
                pass
            if self._reader.ends or self._closed.is_set():
                return
            self._reader.close()
            while (again := self._again(tries)) is None:
                tries += 1
            if self._closed.is_set():
                return
            self._reader = again
            self._reader.size = size

    def _again(self, tries: int) -> _Connection | None:
        wait = min(2.0**tries, _LONGEST_WAIT)
        if tries >= _MOST_TRIES:
            raise VideoError(f"{shown(self._address)} is gone: no answer {tries} times in a row")
        self._on_wait(f"{shown(self._address)} is lost; trying again in {wait:.0f} s")
        if self._closed.wait(wait):
            return self._reader
        try:
            return _Connection(self._address, self._patience)
        except VideoError:
            return None

    def close(self) -> None:
        """End it. From any thread; what waits for the camera ends by itself."""
        self._closed.set()
        self._reader.close()


class _Connection(VideoReader):
    """One connection to an address.

    Attributes:
        ends: whether it is a file that somebody serves, and not a camera.
    """

    def __init__(self, address: str, patience: float) -> None:
        options = {"protocol_whitelist": _PROTOCOLS}
        if address.lower().startswith("rtsp"):
            # Pictures that lack packets are worse than late ones.
            options["rtsp_transport"] = "tcp"
        try:
            container = av.open(
                address, "r", container_options=options, timeout=(patience, patience)
            )
        except (OSError, ValueError, FFmpegError) as error:
            reason = getattr(error, "strerror", None) or "it is no video"
            raise VideoError(f"{shown(address)} cannot be read: {reason}") from None
        self._take(shown(address), container)
        self.ends = container.duration is not None


def shown(address: str) -> str:
    """An address without the name and the password in it."""
    return re.sub(r"//[^/@]*@", "//", address)
