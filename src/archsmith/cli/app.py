"""``archsmith app``: the web app. Needs the extra ``app``."""

from __future__ import annotations

from typing import Annotated

import typer

from archsmith.cli.serve import read_token
from archsmith.server.settings import MEBI, TOKEN


def app(
    host: Annotated[
        str, typer.Option(help="Address to listen on. One that other machines reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    token_file: Annotated[
        str | None,
        typer.Option(help=f"File with the token that visitors have to show.  [default: from {TOKEN}]"),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name under which the app is reached. May be repeated.")
    ] = None,
    allow_paths: Annotated[
        str | None, typer.Option(help="Folder whose files may be used without an upload.  [default: none]")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Folder of the studies.  [default: $ARCHSMITH_WORKSPACE or ~/.archsmith]")
    ] = None,
    upload_mb: Annotated[int, typer.Option(min=1, help="Most MiB of one uploaded file.")] = 2048,
    quota_mb: Annotated[int, typer.Option(min=1, help="Most MiB of all uploaded files.")] = 10240,
    searches: Annotated[int, typer.Option(min=1, help="Most searches that the app runs at the same time.")] = 2,
) -> None:
    """Open the pipeline in a browser: data, search, network, server.

    Searches go on when the app ends, and are shown again when it starts.
    """
    from importlib.util import find_spec
    from pathlib import Path

    from archsmith.cli.output import say
    from archsmith.core.errors import MissingExtraError

    if find_spec("nicegui") is None:  # before one of its parts is missed, which another extra would bring
        raise MissingExtraError.of("nicegui", "app", "The app")
    from archsmith.app.run import serve
    from archsmith.app.settings import AppSettings

    settings = AppSettings(
        host=host,
        port=port,
        token=read_token(token_file),
        hosts=tuple(allow_host or ()),
        workspace=workspace,
        allow_paths=None if allow_paths is None else Path(allow_paths),
        upload_bytes=upload_mb * MEBI,
        quota_bytes=quota_mb * MEBI,
        searches=searches,
    )
    serve(settings, lambda address: say(f"Open {address} in a browser (Ctrl-C ends the app; searches go on)."))
