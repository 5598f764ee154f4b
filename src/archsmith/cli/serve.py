"""``archsmith serve``: bundles behind a web service. Needs the extra ``serve``, and no torch."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archsmith.server.settings import MEBI, TOKEN


def serve(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL_DIR...", help="Folders of bundles, as `archsmith fit --out` wrote them."),
    ],
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="Name of a model in paths; once for each, in their order.  [default: of the folder]"
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. One that other machines reach needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token_file: Annotated[
        str | None,
        typer.Option(
            help=f"File with the token that callers have to show (Authorization: Bearer …).  [default: from {TOKEN}]"
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name under which the server is reached. May be repeated.")
    ] = None,
    allow_foreign: Annotated[
        bool, typer.Option("--allow-foreign", help="Serve ONNX files that are no bundles, too; they take tensors only.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Calls of networks at the same time.  [default: all cores]")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Most examples in one call of a network.")] = 32,
    window: Annotated[
        float, typer.Option(min=0, help="Milliseconds that an example waits for others while its network is busy.")
    ] = 2.0,
    queue: Annotated[int, typer.Option(min=1, help="Most requests at the same time; more get 503.")] = 256,
    max_mb: Annotated[int, typer.Option(min=1, help="Most MiB of one request.")] = 32,
    max_pixels: Annotated[
        float, typer.Option(min=0.001, max=100, help="Most million pixels of one picture, up to 100.")
    ] = 25.0,
    max_examples: Annotated[int, typer.Option(min=1, help="Most examples in one request.")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, help="Most seconds of one request.")] = 30.0,
    log: Annotated[str, typer.Option(help="Form of the log on standard error: plain, json or off.")] = "plain",
) -> None:
    """Serve bundles over HTTP: JSON and files, single and in batches, and the Open Inference Protocol (KServe v2).

    A folder that changes is loaded again without a lost request. SIGTERM finishes what is in flight.
    """
    from archsmith.cli.output import say
    from archsmith.core.errors import UsageError
    from archsmith.server.logs import FORMS, Log
    from archsmith.server.pages import pages
    from archsmith.server.run import serve as run
    from archsmith.server.settings import Settings

    if log not in FORMS:
        raise UsageError(f"--log is {log!r}.", f"Give one of {', '.join(FORMS)}.")
    given: dict[str, Any] = {} if threads is None else {"threads": threads}
    settings = Settings(
        host=host,
        port=port,
        token=read_token(token_file),
        hosts=tuple(allow_host or ()),
        batch=batch,
        window_ms=window,
        queue=queue,
        connections=max(512, 2 * queue),  # some are between two requests
        request_bytes=max_mb * MEBI,
        memory_bytes=max(512, 4 * max_mb) * MEBI,
        pixels=round(max_pixels * 1e6),
        examples=max_examples,
        seconds=seconds,
        foreign=allow_foreign,
        **given,
    )

    def opened(address: str, registry: Any) -> None:
        names = ", ".join(registry.places)
        say(f"Serving {names} at {address} (Ctrl-C ends it).")

    run(models, name or (), settings, Log(log), opened, pages)


def read_token(path: str | None) -> str | None:
    """The token of a file or of the environment. Raises UsageError."""
    import os

    from archsmith.core.errors import UsageError
    from archsmith.core.files import expanded, regular_size

    if path is None:
        return os.environ.get(TOKEN) or None
    try:
        if regular_size(expanded(path)) > 4096:
            raise UsageError(f"{path!r} is too large for a token.")
        found = expanded(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The token cannot be read from {path!r} ({error}).", "Check the path.") from error
    if not found:
        raise UsageError(f"The file {path!r} holds no token.")
    return found
