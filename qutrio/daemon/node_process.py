"""Runs a real daemon from its data directory, and returns an exit code."""

import gc
import random
import secrets
import sys
from functools import partial
from pathlib import Path

import trio
from attrs import define, field

from qutrio import __version__
from qutrio.alerts.senders import Senders, real_senders
from qutrio.alerts.test_notice import try_channel
from qutrio.codec.node_yaml import NodeFile
from qutrio.control.server import serve_control
from qutrio.control.services import ControlServices
from qutrio.control.tenants import Tenants
from qutrio.core.api.view import View
from qutrio.core.consensus.lease import DRIFT_MARGIN
from qutrio.core.election.engines import timing
from qutrio.daemon.components import Components, ExtraTasks, NodePorts, run_node
from qutrio.daemon.hooks import HookRunner
from qutrio.daemon.introduction import Particulars, introduce
from qutrio.daemon.logging import Logger, make_logger
from qutrio.daemon.options import ServeOptions, read_node_file
from qutrio.daemon.signals import wait_for_stop
from qutrio.daemon.systemd import Systemd, find_systemd
from qutrio.errors import QutrioError
from qutrio.model.document import Settings
from qutrio.model.ids import Instant, Seconds
from qutrio.model.members import Token
from qutrio.peers.identity import PeerIdentity
from qutrio.peers.token import make_token
from qutrio.peers.transport import TlsTransport
from qutrio.plumbing.clock import BootClock, Clock
from qutrio.plumbing.latest import Latest
from qutrio.plumbing.log import trace_of
from qutrio.probes.toolbox import make_tools
from qutrio.storage.edit_progress import EditProgress
from qutrio.storage.journal import FileJournal
from qutrio.storage.keys import load_identity
from qutrio.storage.leftovers import tidy
from qutrio.storage.lock import lock_directory
from qutrio.storage.mirror import mirror
from qutrio.storage.store import Store

EXIT_OK = 0
EXIT_BUG = 70
"""EX_SOFTWARE of sysexits.h: systemd starts the daemon again."""
BOOT_BYTES = 6
FIXED_FIELDS = ("node_id", "bind", "port", "canary_zones", "hooks")
"""Fields of node.yaml that a running daemon cannot change."""

VACATE_S_MAX: Seconds = 8.0
"""How long a daemon that stops waits for the programs that rely on its lease."""


async def serve(options: ServeOptions) -> int:
    """Run a node until it is asked to stop, and return the exit code.

    Raises the `QutrioError` that kept it from starting.  A bug is logged with its traceback,
    and gives the exit code 70.
    """
    clock = BootClock()
    node_file = read_node_file(options)
    log = make_logger(node_file.log_format.value, clock, sys.stderr)
    refusal: QutrioError | None = None
    code = EXIT_OK
    try:
        with lock_directory(options.directory):
            tidy(options.directory)
            daemon = _Daemon(options, node_file, clock, log)
            # Objects loaded so far live as long as the process: a full garbage collection that
            # visited them would delay every probe.
            gc.freeze()
            await daemon.run()
    except* QutrioError as group:
        refusal = _first(group)
    except* Exception as group:  # noqa: BLE001 - logged before the process ends
        log("a bug ended the daemon", traceback=trace_of(group))
        code = EXIT_BUG
    if refusal is not None and code == EXIT_OK:
        raise refusal
    log("stopped", code=code)
    return code


@define
class _Daemon:
    """One start of a real daemon: makes its components, and reloads node.yaml at SIGHUP."""

    _options: ServeOptions
    _node_file: NodeFile
    _clock: Clock
    _log: Logger
    _systemd: Systemd = field(init=False)
    _senders: Senders = field(init=False, factory=real_senders)
    _journal: FileJournal = field(init=False)
    _wanted: Latest[Particulars] = field(init=False)
    _tenants: Tenants = field(init=False)
    _edits: EditProgress = field(init=False, factory=EditProgress)

    def __attrs_post_init__(self) -> None:
        self._systemd = find_systemd(self._options.environ, self._clock)
        self._wanted = Latest(_particulars(self._node_file))
        self._journal = FileJournal(self._options.directory)

    async def run(self) -> None:
        """Run until a signal stops the daemon."""
        identity = self._identity()
        store = Store(self._options.directory)
        store.load()
        parts = Components(
            identity=identity,
            store=store,
            journal=self._journal,
            transport=lambda view: TlsTransport(
                identity=identity,
                bind=self._node_file.bind,
                port=self._node_file.port,
                members=lambda: view.value.document.members,
                log=self._log,
            ),
            clock=self._clock,
            senders=self._senders,
            tools=make_tools(self._clock, self._node_file.canary_zones),
            log=self._log,
            rng=random.Random(secrets.randbits(64)),  # noqa: S311 - jitter, no secret
            boot=secrets.token_hex(BOOT_BYTES),
            watchdog=self._systemd,
            extra_tasks=self._extra_tasks,
        )
        self._log("starting", version=__version__, node=identity.node_id)
        await run_node(parts, self._stop)

    async def _stop(self, *, task_status: trio.TaskStatus[None]) -> None:
        await wait_for_stop(self._reload, self._log, task_status=task_status)
        self._systemd.notify("STOPPING=1")
        await self._tenants.vacate(VACATE_S_MAX)

    def _identity(self) -> PeerIdentity:
        key_file, certificate_file = _credentials(self._options)
        found = load_identity(
            self._options.directory, key_file=key_file, certificate_file=certificate_file
        )
        return PeerIdentity(
            node_id=found.node_id,
            fingerprint=found.fingerprint,
            certificate_der=found.certificate_der,
            certificate_file=found.certificate_file,
            key_file=found.key_file,
        )

    def _extra_tasks(self, ports: NodePorts) -> ExtraTasks:
        inbox, view, log = ports.inbox, ports.view, self._log
        self._tenants = Tenants(inbox, view, self._clock, _lease_s)
        self._tenants.opens_at = Instant(self._clock.now() + self._tenants.lease_s)
        hooks = HookRunner(
            self._node_file.hooks, view, inbox, self._clock, log, self._options.environ
        )
        services = self._services(view, hooks)
        socket, directory = self._options.socket, self._options.directory
        return ExtraTasks(
            listeners=[partial(serve_control, socket, inbox, view, services, log)],
            sources=[
                partial(mirror, view, inbox, directory, log, progress=self._edits),
                partial(introduce, self._wanted, view, inbox, log),
            ],
            records=[hooks.run],
            ready=self._ready,
            finish=hooks.close,
        )

    def _ready(self) -> None:
        self._log("ready", address=self._node_file.advertise, socket=self._options.socket)
        self._systemd.notify("READY=1")

    def _services(self, view: Latest[View], hooks: HookRunner) -> ControlServices:
        def invite(name: str | None, ttl_s: Seconds, auto: bool) -> tuple[str, Token]:  # noqa: FBT001
            document, own = view.value.document, view.value.node
            wall = self._clock.wall()
            return make_token(
                document, own=own, ttl_s=ttl_s, wall=wall, name=name, auto_approve=auto
            )

        attempt = partial(
            try_channel, view=view, clock=self._clock, senders=self._senders, log=self._log
        )
        return ControlServices(
            version=__version__,
            wall=self._clock.wall,
            try_channel=attempt,
            make_token=invite,
            read_journal=self._journal.read,
            tenants=self._tenants,
            hooks=hooks.report,
            directory=str(self._options.directory.root),
            edit=self._edits.report,
        )

    def _reload(self) -> None:
        """Read node.yaml again: apply what can be applied, and log what needs a restart."""
        try:
            new = read_node_file(self._options)
        except QutrioError as error:
            self._log("node.yaml was not reloaded", reason=str(error))
            return
        old, self._node_file = self._node_file, new
        self._log.set_form(new.log_format.value)
        self._wanted.publish(_particulars(new))
        fixed = [n for n in FIXED_FIELDS if getattr(new, n) != getattr(old, n)]
        if fixed:
            self._log("node.yaml was reloaded; restart to apply", fields=",".join(fixed))
        else:
            self._log("node.yaml was reloaded")


def _particulars(node_file: NodeFile) -> Particulars:
    return Particulars(node_file.name, node_file.advertise)


def _lease_s(settings: Settings) -> Seconds:
    return timing(settings).bound_s * (1 - DRIFT_MARGIN)


def _credentials(options: ServeOptions) -> tuple[Path | None, Path | None]:
    """Return the key and the certificate that systemd passed, if it did (LoadCredential=)."""
    folder = options.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None, None
    key_file, certificate_file = Path(folder, "node.key"), Path(folder, "node.crt")
    return (
        key_file if key_file.exists() else None,
        certificate_file if certificate_file.exists() else None,
    )


def _first(group: BaseExceptionGroup[QutrioError]) -> QutrioError:
    """Return one failure of a group that may hold groups."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
