"""Operations on join tokens: create, list, approve, revoke."""

import os
import pwd

from qutrio.control.context import ControlContext
from qutrio.control.protocol import Code, ControlFailure
from qutrio.control.request import Request
from qutrio.control.shapes import Row, standing, token_row
from qutrio.core.api.mutations import AddToken, ApproveToken, RevokeToken
from qutrio.model.members import Token
from qutrio.model.names import natural_order

TOKEN_TTL_S_DEFAULT = 3600.0
TOKEN_TTL_S_MIN, TOKEN_TTL_S_MAX = 60.0, 30 * 86_400.0


async def create_token(context: ControlContext, request: Request) -> Row:
    """Make a token (`enroll.create`); its text is returned once and never stored."""
    ttl_s = request.duration(
        "ttl", default=TOKEN_TTL_S_DEFAULT, low=TOKEN_TTL_S_MIN, high=TOKEN_TTL_S_MAX
    )
    text, token = context.services.make_token(
        request.text_or_none("name"), ttl_s, request.flag("auto_approve")
    )
    revision = await context.propose(AddToken(token=token))
    wall = context.services.wall()
    layout = {"now_unix": wall, "directory": context.services.directory, "user": _own_user()}
    return {**token_row(token, wall), "token": text, "revision": revision, **layout}


async def list_tokens(context: ControlContext, request: Request) -> Row:
    """List the tokens (`enroll.list`)."""
    del request
    status = await context.inspect()
    wall = context.services.wall()
    tokens = sorted(context.document.tokens, key=lambda t: natural_order(t.name or t.id))
    return {"now_unix": wall, **standing(status), "tokens": [token_row(t, wall) for t in tokens]}


async def approve_token(context: ControlContext, request: Request) -> Row:
    """Admit the node that has shown a token and waits (`enroll.approve`)."""
    token = _named(context, request)
    revision = await context.propose(ApproveToken(token=token.id))
    claimant = token.claimant.name if token.claimant else None
    return {"id": token.id, "name": claimant, "revision": revision}


async def revoke_token(context: ControlContext, request: Request) -> Row:
    """Revoke a token (`enroll.revoke`)."""
    token = _named(context, request)
    revision = await context.propose(RevokeToken(token=token.id))
    return {"id": token.id, "name": token.name, "revision": revision}


def _own_user() -> str:
    """Return the name of the daemon's user, or its number if it has no name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _named(context: ControlContext, request: Request) -> Token:
    """Return the token with this id, or for the node (also a waiting one) with this name."""
    wanted = request.text("name")
    found = [t for t in context.document.tokens if wanted == t.id]
    found = found or [t for t in context.document.tokens if wanted in _names(t)]
    if not found:
        sentence = f"there is no token {wanted[:80]!r}; see 'qutrio enroll list'"
        raise ControlFailure(Code.NOT_FOUND, sentence)
    if len(found) > 1:
        sentence = f"{len(found)} tokens are for {wanted[:80]!r}; give the token's id"
        raise ControlFailure(Code.INVALID, sentence)
    return found[0]


def _names(token: Token) -> set[str]:
    claimant = token.claimant
    return {token.name or "", *((claimant.name, claimant.id) if claimant else ())}
