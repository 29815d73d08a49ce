"""The command line. Heavy imports stand inside the commands, so that ``--help`` is quick.

Exit codes: 0 done; 1 the input or the verdict says no; 2 wrong usage; 3 a service or the machine
failed. Progress goes to stderr, results to stdout.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Annotated

import typer

from tuneline import __version__
from tuneline.cli import data, evaluation, pipelines, registry, submit, training
from tuneline.errors import TunelineError

app = typer.Typer(
    name="tuneline",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(pipelines.demo)
app.command("check")(data.check)
app.command("prepare")(data.prepare)
app.command("train")(training.train)
app.command("merge")(training.merge)
app.command("predict")(evaluation.predict)
app.command("evaluate")(evaluation.evaluate)
app.command("compile")(pipelines.compile_spec)
app.command("run")(pipelines.run)
app.command("submit")(submit.submit)
app.command("follow")(submit.follow)
app.command("cancel")(submit.cancel)
app.command("models")(registry.models)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Tune language models on labeled examples, and prove that it was worth it."""


def main() -> None:
    """Run the command line, with one clear message and the right exit code for every error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("tuneline")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        app()
    except TunelineError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except ImportError as error:
        typer.echo(f"error: {error}. Install it: pip install 'tuneline[local]'", err=True)
        sys.exit(3)
    except Exception:  # noqa: BLE001 - a defect of ours must not look like an answer (exit code 1)
        traceback.print_exc()
        typer.echo("error: this is a defect in Tuneline; please report it.", err=True)
        sys.exit(3)
