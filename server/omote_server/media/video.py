"""Videos and animations in and out: what the other rooms use. Comes with omote[video].

packets ─► decode ─► upright, square, sRGB ─► clock ─► filters ─► encode ─► draft ─► file
└─ sound, subtitles ───────── the same clock ─────────────────────┘
"""

from omote_server.media.animation import AnimationReader, open_video
from omote_server.media.opening import VideoError
from omote_server.media.reader import Footage, VideoFrame, VideoReader
from omote_server.media.report import Fate, MediaReport, StreamReport
from omote_server.media.writer import VideoWriter

__all__ = [
    "AnimationReader",
    "Fate",
    "Footage",
    "MediaReport",
    "StreamReport",
    "VideoError",
    "VideoFrame",
    "VideoReader",
    "VideoWriter",
    "open_video",
]
