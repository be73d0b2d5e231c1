"""The command line. Its modules import what is heavy only when a command runs."""

from __future__ import annotations

import typer

from omote_server.cli import (
    apply,
    bench,
    dataset,
    demo,
    doctor,
    evaluate,
    filters,
    models,
    serve,
    stream,
    train,
)

app = typer.Typer(
    name="omote",
    help="Omote: an open, self-hosted face filter and plugin server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve", epilog=serve.EXAMPLE)(serve.serve)
app.command("apply", epilog=apply.EXAMPLE)(apply.apply)
app.command("stream", epilog=stream.EXAMPLE)(stream.stream)
app.add_typer(filters.app, name="filters")
app.add_typer(models.app, name="models")
app.command("bench", epilog=bench.EXAMPLE)(bench.bench)
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
app.command("evaluate", epilog=evaluate.EXAMPLE)(evaluate.evaluate)
app.command("train", epilog=train.EXAMPLE)(train.train)
app.add_typer(dataset.app, name="dataset")
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)
