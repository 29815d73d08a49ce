"""``tuneline models``: what is registered."""

from __future__ import annotations

from typing import Annotated

import typer


def models(
    registry: Annotated[
        str,
        typer.Option(
            help="Folder of a local registry, vertex://PROJECT/LOCATION, kubeflow://HOST "
            "(kubeflow+http:// without TLS) or an MLflow tracking URI."
        ),
    ] = "tuneline-registry",
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the registered models, the newest version of each first."""
    import orjson

    from tuneline.registry.listing import list_models
    from tuneline.registry.settings import shown

    entries = list_models(registry)
    if json_output:
        typer.echo(orjson.dumps(entries, option=orjson.OPT_INDENT_2).decode())
        return
    if not entries:
        typer.echo(f"{shown(registry)}: no model is registered here.")
    for entry in entries:
        aliases = f" ({', '.join(entry.aliases)})" if entry.aliases else ""
        typer.echo(
            f"{entry.name} version {entry.version}{aliases}: {entry.method} on {entry.base_model}, "
            f"{entry.metric} {entry.value:.4f}, {entry.created}, {entry.uri}"
        )
