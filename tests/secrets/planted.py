"""A recognisable secret in every place that can hold one."""

from typing import Any, Final

SECRET: Final = "Zx9planted"
HOST: Final = "target.example"

_SECRET_FIELDS: Final = {
    "url": f"https://{HOST}/p?token={SECRET}#{SECRET}",
    "method": "POST",
    "headers": {"X-Own": SECRET, "Accept": f"text/{SECRET}", "Cookie": f"a={SECRET}"},
    "body": f"say {SECRET}",
    "body_contains": f"{SECRET}1",
    "body_not_contains": f"{SECRET}2",
    "body_regex": f"^{SECRET}3",
}
CHECKS: Final[list[dict[str, Any]]] = [
    {
        "kind": "http",
        "name": "basic",
        **_SECRET_FIELDS,
        "basic_user": f"u{SECRET}",
        "basic_password": SECRET,
    },
    {"kind": "http", "name": "bearer", **_SECRET_FIELDS, "bearer_token": SECRET},
]
CHANNELS: Final[list[dict[str, Any]]] = [
    {
        "kind": "smtp",
        "name": "mail",
        "host": "mail.example",
        "username": "u",
        "password": SECRET,
        "sender": "a@example.org",
        "recipients": ["b@example.org"],
    },
    {
        "kind": "webhook",
        "name": "hook",
        "url": f"https://hook.example/{SECRET}?k={SECRET}",
        "secret": SECRET,
    },
    {"kind": "discord", "name": "team", "url": f"https://discord.example/api/{SECRET}"},
]
