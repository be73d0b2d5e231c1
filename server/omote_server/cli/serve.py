"""`omote serve`: run the server."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.text import Text

from omote_models.estimators import EstimatorError
from omote_server.cli.common import Packs, models_of, pull_missing
from omote_server.cli.terminal import errors, fail
from omote_server.serving.egress import seal_egress
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

app = typer.Typer()
_EXAMPLE = "Example: omote serve --port 8560    or, for scripts: omote serve --port 0 --json"


@app.command("serve", epilog=_EXAMPLE)
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0 takes a free one.", show_default="8560")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker threads.", show_default="cores + 2")
    ] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Allow other machines without TLS.")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key.")] = None,
    reflection: Annotated[
        bool | None, typer.Option("--reflection", help="Let grpcurl explore the server.")
    ] = None,
    max_sessions: Annotated[
        int | None, typer.Option(help="Streams served at once.", show_default="64")
    ] = None,
    max_faces: Annotated[
        int | None, typer.Option(help="Faces followed a stream.", show_default="4")
    ] = None,
    packs: Packs = None,
    marks: Annotated[
        bool | None,
        typer.Option("--marks/--no-marks", help="Mark replaced or aged faces.", show_default="on"),
    ] = None,
    estimator: Annotated[
        str | None,
        typer.Option(help="Age and gender: light, accurate, or a path.", show_default="light"),
    ] = None,
    careful: Annotated[
        bool | None, typer.Option("--careful", help="Who may be a minor counts as one.")
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port for Prometheus.")] = None,
    audience_window: Annotated[
        int | None,
        typer.Option(help="Count people by age band and gender, in windows of seconds."),
    ] = None,
    audience_file: Annotated[Path | None, typer.Option(help="CSV for those counts.")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.", show_default="info")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON once it serves.")
    ] = False,
) -> None:
    """Run the server until Ctrl-C or SIGTERM.

    Every option can also stand in the environment (OMOTE_PORT) or in omote.toml; a token only
    there (OMOTE_TOKEN), so that it is not seen in process lists.
    """
    settings = _settings(
        host=host,
        port=port,
        workers=workers,
        insecure=insecure,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        reflection=reflection,
        max_sessions=max_sessions,
        max_faces=max_faces,
        packs=packs,
        marks=marks,
        estimator=estimator,
        careful=careful,
        metrics_port=metrics_port,
        audience_window_seconds=audience_window,
        audience_file=audience_file,
        log_level=log_level,
    )
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    pull_missing(*models_of(settings.estimator))
    seal_egress()
    try:
        asyncio.run(_run(settings, as_json))
    except (OSError, EstimatorError) as error:
        fail(str(error))


def _settings(**flags: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except tomllib.TOMLDecodeError as error:
        fail(f"omote.toml cannot be read: {error}", code=2)
    except ValidationError as error:
        fail("\n  ".join(_told(detail) for detail in error.errors()), code=2)


def _told(detail: Any) -> str:
    name = ".".join(map(str, detail["loc"])) or "settings"
    return f"{name}: {detail['msg'].removeprefix('Value error, ')}"


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
