"""Converts the options of `check edit` to fields of a check."""

from collections.abc import Mapping
from typing import Any, Final

from qutrio.cli import options as opt
from qutrio.cli.inputs import Inputs
from qutrio.cli.requests import given

NOT_FIELDS: Final = frozenset({"name", "unset", "as_json"})
RENAMED: Final = {
    "new_name": "name",
    "header": "headers",
    "alert": "alerts",
    "resolver": "resolvers",
}
LINES: Final = ("url", "body_regex", "basic_user", "basic_password", "bearer_token")
"""Values that may be secrets and have one line."""
TEXTS: Final = ("body", "body_contains", "body_not_contains")
"""Values that may be secrets and have any number of lines."""


def changed_fields(params: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields that were given, in the form that the daemon reads.

    Raises `InvalidValueError` for a header or a secret that cannot be read.
    """
    values = {RENAMED.get(n, n): value for n, value in params.items() if n not in NOT_FIELDS}
    inputs = Inputs()
    values |= {
        "headers": inputs.headers(values["headers"]),
        "expect_status": opt.status_codes(values["expect_status"]),
        **{name: inputs.line(values[name], _option(name)) for name in LINES},
        **{name: inputs.text(values[name], _option(name)) for name in TEXTS},
    }
    return given(**values)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
