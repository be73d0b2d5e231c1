"""`omote serve`: run the server."""

from __future__ import annotations

import json
import logging
import os
from typing import Annotated

import typer
from rich.text import Text

from omote_models.estimators import EstimatorError
from omote_models.mesh_runtime.build import KernelUnavailable
from omote_server.cli.common import models_of, pull_missing
from omote_server.cli.flags import Flags, configured, with_settings
from omote_server.cli.terminal import epilog, errors, fail
from omote_server.serving.egress import seal_egress
from omote_server.serving.loop import run
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

app = typer.Typer()
_FOOT = epilog(
    "omote serve --port 8560    or, for scripts: omote serve --port 0 --json",
    {
        0: "stopped as asked",
        1: "could not serve",
        2: "a setting is wrong",
        3: "stopped, but a filter hung and was left behind",
    },
)


@app.command("serve", epilog=_FOOT)
@with_settings
def serve(
    flags: Flags,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Read neither the environment nor omote.toml.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON once it serves.")
    ] = False,
) -> None:
    """Run the server until Ctrl-C or SIGTERM.

    Every setting can also stand in the environment (OMOTE_PORT) or in omote.toml (port) in the
    current folder; flags beat the environment, which beats the file. A token stands only there
    (OMOTE_TOKEN), so that it is not seen in process lists.
    """
    settings = configured(flags, defaults_only=defaults)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    pull_missing(*models_of(settings.estimator))
    seal_egress()
    try:
        run(_run(settings, as_json))
    except (OSError, EstimatorError, KernelUnavailable) as error:
        fail(str(error))


async def _run(settings: Settings, as_json: bool) -> None:
    server = Server(settings)
    await server.run(lambda: _announce(server, as_json))
    if server.hung:
        # Python would wait for the hung thread for ever.
        logging.shutdown()
        os._exit(3)


def _announce(server: Server, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"event": "serving", "address": server.address}))
        return
    errors.print(Text.assemble(("serving", "green"), f" on {server.address}   (Ctrl-C stops it)"))
