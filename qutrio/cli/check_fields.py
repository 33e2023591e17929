"""The options of `check edit` as the fields of a check that they stand for."""

from collections.abc import Mapping
from typing import Any, Final

from qutrio.cli import options as opt
from qutrio.cli.asking import given, secret

NOT_FIELDS: Final = frozenset({"name", "unset", "as_json"})
RENAMED: Final = {
    "new_name": "name",
    "header": "headers",
    "alert": "alerts",
    "resolver": "resolvers",
}


def changed_fields(params: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields that were given, in the form that the daemon reads.

    Raises `InvalidValueError` for a header or a secret that cannot be read.
    """
    values = {RENAMED.get(n, n): value for n, value in params.items() if n not in NOT_FIELDS}
    values |= {
        "headers": opt.header_fields(values["headers"]),
        "expect_status": opt.status_codes(values["expect_status"]),
        "basic_password": secret(values["basic_password"], "--basic-password"),
        "bearer_token": secret(values["bearer_token"], "--bearer-token"),
    }
    return given(**values)
