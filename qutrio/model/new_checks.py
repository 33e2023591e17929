"""What a check must keep to when a person gives it.

Documents of earlier versions may hold what is refused here, and must be readable.  What a
check had already is accepted, so that its other fields can be edited.
"""

from qutrio.errors import InvalidValueError
from qutrio.model.checks import Check, HttpCheck
from qutrio.model.rules import require, require_filled, require_login

_NEVER_EMPTY = (
    "body_contains",
    "body_not_contains",
    "body_regex",
    "basic_user",
    "basic_password",
    "bearer_token",
)
"""A secret that is empty was meant to be another, and every answer holds an empty text."""


def require_new_check(check: Check, was: Check | None) -> None:
    """Raise `InvalidValueError` for what nobody can have meant; `was` is the check before."""
    check.require_dialable(was)
    if isinstance(check, HttpCheck):
        _require_http(check, was if isinstance(was, HttpCheck) else None)


def _require_http(check: HttpCheck, was: HttpCheck | None) -> None:
    for name in _NEVER_EMPTY:
        value = getattr(check, name)
        if was is None or getattr(was, name) != value:
            require_filled(value, name)
    login = check.basic_user, check.basic_password
    if was is None or (was.basic_user, was.basic_password) != login:
        require_login("basic_user", "basic_password", *login)
        problem = "holds a colon, at which basic authentication ends the user"
        require(":" not in (check.basic_user or ""), "basic_user", problem)
    if was is None or was.headers != check.headers:
        require_different_headers([name for name, _ in check.headers], "headers")


def require_different_headers(names: list[str], field: str) -> None:
    """Refuse a header that is given twice; letter case makes no difference.

    It is not quoted: it may be a secret that was taken for a name.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        before = first.setdefault(name.lower(), number)
        if before != number:
            problem = f"number {number} has the name of number {before}; a header is given once"
            raise InvalidValueError(field, problem)
