"""The table of all operations of the control socket."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import trio

from qutrio.control import alerts, checks, cluster, election, enroll, hooks, incidents
from qutrio.control.context import ControlContext
from qutrio.control.following import follow_role
from qutrio.control.protocol import READS, Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row
from qutrio.errors import InvalidDocumentError, InvalidValueError, QutrioError

Operation: TypeAlias = Callable[[ControlContext, Request], Awaitable[Row]]
Conversation: TypeAlias = Callable[[ControlContext, Request, trio.abc.Stream], Awaitable[None]]

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "status": cluster.show_status,
        "document": cluster.show_document,
        "hooks.show": hooks.show_hooks,
        "engine.show": election.show_engine,
        "engine.set": election.set_engine,
        "cluster.yield": election.yield_role,
        "cluster.history": election.show_history,
        "node.list": cluster.list_nodes,
        "node.remove": cluster.remove_node,
        "node.edit": cluster.edit_node,
        "settings.show": cluster.show_settings,
        "settings.set": cluster.set_settings,
        "check.add": checks.add_check,
        "check.edit": checks.edit_check,
        "check.remove": checks.remove_check,
        "check.enable": checks.enable_check,
        "check.disable": checks.disable_check,
        "check.list": checks.list_checks,
        "check.show": checks.show_check,
        "check.test": checks.test_check,
        "alert.add": alerts.add_channel,
        "alert.edit": alerts.edit_channel,
        "alert.remove": alerts.remove_channel,
        "alert.list": alerts.list_channels,
        "alert.test": alerts.test_channel,
        "incident.list": incidents.list_incidents,
        "incident.explain": incidents.explain_incident,
        "enroll.create": enroll.create_token,
        "enroll.list": enroll.list_tokens,
        "enroll.approve": enroll.approve_token,
        "enroll.revoke": enroll.revoke_token,
    }
)

CONVERSATIONS: Mapping[str, Conversation] = MappingProxyType({"role.follow": follow_role})
"""Operations that send lines until the caller disconnects."""


async def perform(context: ControlContext, request: Request) -> Row:
    """Perform one request and return the answer's fields.

    Every expected failure is raised as `ControlFailure`; anything else is a bug.
    """
    operation = OPERATIONS.get(request.op)
    if operation is None:
        known_by = f"this daemon (version {context.services.version})"
        raise ControlFailure(Code.INVALID, f"{known_by} does not know {request.op[:40]!r}")
    try:
        return await operation(context, request)
    except ControlFailure:
        raise
    except (InvalidDocumentError, InvalidValueError) as error:
        raise ControlFailure(Code.INVALID, str(error)) from None
    except QutrioError as error:
        raise ControlFailure(Code.FAILED, str(error)) from None
    except trio.BrokenResourceError:
        if request.op in READS:
            raise ControlFailure(Code.NO_DAEMON, "the daemon is stopping") from None
        sentence = "the daemon is stopping; look before you try again: it may have taken effect"
        raise ControlFailure(Code.UNKNOWN, sentence) from None
