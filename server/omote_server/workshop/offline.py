"""Filters on the pictures of a file, without a server."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from omote_filters.registry import Registry
from omote_filters.words import FACE_NEEDS, ChainEntry, Consent
from omote_models.face import Declared
from omote_server.errors import InvalidRequest
from omote_server.frames.codec import Pixels
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.pipeline import Pipeline
from omote_server.media.files import MediaError
from omote_server.messages import (
    EncodedPicture,
    Frame,
    OutputOptions,
    PictureFormat,
)
from omote_server.workshop.account import Account, Wish


class Offline:
    """A chain on one picture after the other, and the account of what it did."""

    def __init__(
        self,
        tools: Toolbox,
        chain: Sequence[ChainEntry],
        consent: Consent,
        declared: Declared = Declared(),
        max_faces: int = 4,
    ) -> None:
        """Take over a chain.

        Args:
            tools: models and filters.
            chain: what to apply.
            consent: what the people in the file agreed to.
            declared: what the person said of themselves.
            max_faces: to look for.

        Raises:
            ChainError: a filter is unknown or its settings do not fit.
        """
        self._directives = Directives(tuple(chain), 1, consent)
        wishes = wishes_of(chain, tools.registry)
        # To tell how many faces there were costs nothing where a filter looks for them anyway.
        looks = any(wish.faces for wish in wishes)
        self.account = Account(wishes, sees_faces=looks)
        self._tools = tools
        self._options = PipelineOptions(
            OutputOptions(faces=looks), declared, max_faces, max_pixels=sys.maxsize
        )
        self._pipeline: Pipeline | None = None
        self._channels = 0

    def run(self, pixels: Pixels, seconds: float = 0.0) -> Pixels:
        """A filtered picture, (height, width, 3 or 4) uint8 like the one given; read-only.

        Args:
            pixels: the picture, upright, RGB or RGBA.
            seconds: when it was taken; never earlier than the one before.

        Raises:
            MediaError: it is too large.
        """
        height, width, channels = pixels.shape
        kind = PictureFormat.RGBA if channels == 4 else PictureFormat.RGB
        picture = EncodedPicture(kind, width, height, pixels.tobytes())
        frame = Frame(self.account.frames + 1, round(seconds * 1e6), picture)
        try:
            result = self._for(channels).run(Job(frame, self._directives))
        except InvalidRequest as error:
            raise MediaError("; ".join(v.description for v in error.violations)) from None
        assert result.picture is not None  # noqa: S101 - the output mode is FRAME
        shape = (height, width, self._channels)
        after = np.frombuffer(result.picture.data, np.uint8).reshape(shape)[:, :, :channels]
        self.account.add(result, changed=not np.array_equal(pixels, after))
        return after

    def _for(self, channels: int) -> Pipeline:
        """A pipeline whose pictures have so many channels or more.

        A file seldom has alpha in some pictures only; at its first one filters begin anew.
        """
        if self._pipeline is None or channels > self._channels:
            self._close()
            kind = PictureFormat.RGBA if channels == 4 else PictureFormat.RGB
            output = replace(self._options.output, format=kind)
            self._pipeline = Pipeline(self._tools, replace(self._options, output=output))
            self._channels = channels
        return self._pipeline

    def _close(self) -> None:
        if self._pipeline is not None:
            self._pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()


def wishes_of(chain: Sequence[ChainEntry], registry: Registry) -> tuple[Wish, ...]:
    """What a chain asks for; a filter that stands in it twice is one wish.

    Raises:
        ChainError: a filter is unknown or its settings do not fit.
    """
    wishes = {}
    for listing, _ in registry.resolve(chain):
        faces = listing.fewest_faces if listing.needs & FACE_NEEDS else 0
        wishes[listing.id] = Wish(listing.id, faces, listing.draws, listing.lack)
    return tuple(wishes.values())
