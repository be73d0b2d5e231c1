"""Omote's client: frames in, filtered frames out.

    async with Client("127.0.0.1:8560") as client:
        async with client.stream(["face_paint"], consent=Consent(face_effects=True)) as stream:
            async for result in stream.process(jpegs):
                show(result.picture.data)

Without asyncio: `filter_frames` and `apply_picture`.
"""

import os

# Before grpc is imported, which reads it then. Its handlers of a fork give up half-way where a
# thread is inside gRPC, and the child crashes at once; without them it lives and can be told.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from omote_client.catalogue import FilterInfo, ModelInfo, Parameter, ServerInfo
from omote_client.client import Client
from omote_client.errors import (
    CertificateExpired,
    CertificateForAnotherHost,
    CertificateUntrusted,
    ChainRefused,
    ConnectionBroken,
    Forked,
    InvalidRequest,
    MessageTooLarge,
    NothingListens,
    OmoteError,
    ServerError,
    ServerFull,
    ServerUnavailable,
    ServerWantsTls,
    ServerWithoutTls,
    SessionLost,
    TlsFailed,
    Unauthenticated,
    Unimplemented,
    UnknownHost,
    Violation,
)
from omote_client.feeding import Timed
from omote_client.pictures import FrameLike, Picture, RawPicture, Upright
from omote_client.reconnect import Reconnect
from omote_client.requests import ChainLike, Consent, Declared, FilterUse, Limits, Output
from omote_client.results import (
    AgeRange,
    Attributes,
    Box,
    Bypassed,
    Estimate,
    Event,
    Face,
    Filtered,
    Notice,
    Patch,
    Ready,
    Result,
    Summary,
    Timings,
)
from omote_client.stream import Stream
from omote_client.sync import apply_picture, filter_frames
from omote_client.words import AgeBand, Delivery, Gender, OutputMode, PictureFormat, Source

__all__ = [
    "AgeBand",
    "AgeRange",
    "Attributes",
    "Box",
    "Bypassed",
    "CertificateExpired",
    "CertificateForAnotherHost",
    "CertificateUntrusted",
    "ChainLike",
    "ChainRefused",
    "Client",
    "ConnectionBroken",
    "Consent",
    "Declared",
    "Delivery",
    "Estimate",
    "Event",
    "Face",
    "FilterInfo",
    "FilterUse",
    "Filtered",
    "Forked",
    "FrameLike",
    "Gender",
    "InvalidRequest",
    "Limits",
    "MessageTooLarge",
    "ModelInfo",
    "NothingListens",
    "Notice",
    "OmoteError",
    "Output",
    "OutputMode",
    "Parameter",
    "Patch",
    "Picture",
    "PictureFormat",
    "RawPicture",
    "Ready",
    "Reconnect",
    "Result",
    "ServerError",
    "ServerFull",
    "ServerInfo",
    "ServerUnavailable",
    "ServerWantsTls",
    "ServerWithoutTls",
    "SessionLost",
    "Source",
    "Stream",
    "Summary",
    "Timed",
    "Timings",
    "TlsFailed",
    "Unauthenticated",
    "Unimplemented",
    "UnknownHost",
    "Upright",
    "Violation",
    "apply_picture",
    "filter_frames",
]
