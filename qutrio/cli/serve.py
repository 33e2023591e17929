"""`qutrio serve`: the daemon, in the foreground."""

import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from qutrio.cli import options as opt
from qutrio.cli.nouns import verb

app = verb()


class LogStyle(Enum):
    """How log lines look."""

    PRETTY = "pretty"
    JSON = "json"
    LOGFMT = "logfmt"


@app.command(epilog="Example: qutrio serve --log json")
def serve(
    *,
    name: opt.NodeName = None,
    advertise: opt.Advertise = None,
    bind: opt.Bind = None,
    port: opt.Port = None,
    directory: opt.Directory = None,
    socket: Annotated[
        str | None,
        typer.Option(
            "--socket",
            envvar="QUTRIO_SOCKET",
            metavar="PATH",
            help="The control socket.",
            callback=opt.not_empty,
        ),
    ] = None,
    alone: Annotated[
        bool,
        typer.Option("--alone", help="Be a cluster of its own, though a join has not finished."),
    ] = False,
    log: Annotated[
        LogStyle | None,
        typer.Option("--log", envvar="QUTRIO_LOG", help="By default pretty on a terminal."),
    ] = None,
) -> int:
    """Run this node until SIGTERM or Ctrl-C; an empty directory becomes a cluster of one.

    An option goes before its environment variable, and that before node.yaml.
    """
    import trio  # noqa: PLC0415 - the help of this command must not load the daemon

    from qutrio.cli.places import data_directory, prepare_to_serve  # noqa: PLC0415
    from qutrio.daemon.assemble import serve as run_daemon  # noqa: PLC0415
    from qutrio.daemon.options import ServeOptions  # noqa: PLC0415
    from qutrio.storage.places import find_socket, prepare_socket_directory  # noqa: PLC0415

    place = data_directory(directory)
    control = find_socket(os.environ, explicit=Path(socket) if socket else None)
    prepare_socket_directory(control)
    prepare_to_serve(place, name=name, advertise=advertise, bind=bind, port=port, alone=alone)
    options = ServeOptions(
        directory=place,
        socket=control,
        environ=dict(os.environ),
        name=name,
        advertise=advertise,
        bind=bind,
        port=port,
        log=None if log is None else log.value,
    )
    return trio.run(run_daemon, options)
