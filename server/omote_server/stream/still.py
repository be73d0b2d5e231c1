"""One still picture through the same pipeline as a stream."""

from __future__ import annotations

from omote_server.frames.engine import Pack
from omote_server.frames.job import Directives, Job, PipelineOptions
from omote_server.messages import Frame, Result, Still
from omote_server.stream.admission import check_chain
from omote_server.stream.host import SessionHost


async def apply_still(host: SessionHost, still: Still, pack: Pack | None = None) -> Result:
    """The processed picture; `pack` writes it down, on a worker's thread.

    The caller counts it with `host.occupied`, until its client has the answer.

    Raises:
        InvalidRequest: the picture or the chain does not fit.
        Lacking: a filter cannot run on this machine.
    """
    limits = host.limits
    await check_chain(still.chain, host.registry, limits.max_chain_length, "chain")
    options = PipelineOptions(
        still.output, still.declared, limits.max_faces, limits.max_faces, limits.max_pixels
    )
    seat = host.engine.seat(options, pack)
    try:
        directives = Directives(still.chain, 1, still.consent)
        frame = Frame(0, 0, still.picture, still.rotation, still.mirrored)
        job = Job(frame, directives)
        result = await seat.work(lambda: job)
        assert result is not None  # noqa: S101 - there was a frame
        return result
    finally:
        seat.close()
