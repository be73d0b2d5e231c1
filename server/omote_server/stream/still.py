"""One still picture through the same pipeline as a stream."""

from __future__ import annotations

from dataclasses import dataclass

from omote_filters.words import ChainEntry, Consent
from omote_models.face import Declared
from omote_server.frames.job import Directives, Job, PipelineOptions
from omote_server.messages import EncodedPicture, Frame, OutputOptions, Result
from omote_server.stream.admission import check_chain
from omote_server.stream.session import SessionHost


@dataclass(frozen=True, slots=True)
class Still:
    """A picture and what shall happen to it."""

    picture: EncodedPicture
    chain: tuple[ChainEntry, ...] = ()
    consent: Consent = Consent()
    declared: Declared = Declared()
    output: OutputOptions = OutputOptions()


async def apply_still(host: SessionHost, still: Still) -> Result:
    """The processed picture.

    Raises:
        InvalidRequest: the picture or the chain does not fit.
        Lacking: a filter cannot run on this machine.
        Busy: the server is full.
        Leaving: the server shuts down.
    """
    limits = host.limits
    check_chain(still.chain, host.registry, limits.max_chain_length, "chain")
    options = PipelineOptions(
        still.output, still.declared, limits.max_faces, limits.max_faces, limits.max_pixels
    )
    with host.occupied():
        seat = host.engine.seat(options)
        try:
            directives = Directives(still.chain, 1, still.consent)
            return await seat.run(Job(Frame(0, 0, still.picture), directives))
        finally:
            seat.close()
