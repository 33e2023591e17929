"""The notices that people would have received: the content of a mail and a webhook sink."""

import json
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from tests.alerts.servers import Mail, MailServer, Post, WebServer
from tests.cluster.nodes import Node
from tests.cluster.waiting import wait_for

if TYPE_CHECKING:
    from queue import Queue

T = TypeVar("T")

DELIVERY_S_MAX = 30.0
MAIL, HOOK = "mail", "hook"


@define
class People:
    """Two channels that every check uses, and the notices sent to them so far."""

    mail_server: MailServer
    web_server: WebServer
    mails: list[Mail] = field(factory=list)
    posts: list[dict[str, Any]] = field(factory=list)

    def attach(self, node: Node) -> None:
        """Add both channels to the cluster."""
        mail = ["--host", "127.0.0.1", "--port", str(self.mail_server.port), "--security", "none"]
        mail += ["--from", "qutrio@example.org", "--to", "oncall@example.org"]
        node.cli("alert", "add", "smtp", MAIL, *mail)
        node.cli("alert", "add", "webhook", HOOK, f"http://127.0.0.1:{self.web_server.port}/")

    def mails_of(self, kind: str) -> list[Mail]:
        """Return the mails of one kind: `down` or `recovered`."""
        self.mails += _drained(self.mail_server.taken)
        return [m for m in self.mails if m.message["X-Qutrio-Event"] == kind]

    def posts_of(self, kind: str) -> list[dict[str, Any]]:
        """Return the webhook documents of one kind."""
        posts: list[Post] = _drained(self.web_server.posts)
        self.posts += [json.loads(p.content) for p in posts]
        return [p for p in self.posts if p["event"] == kind]

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return how many mails and posts of each kind arrived."""
        return {k: (len(self.mails_of(k)), len(self.posts_of(k))) for k in ("down", "recovered")}

    def wait_for(self, kind: str, node: Node) -> None:
        """Wait until both channels accepted a notice of this kind and the node knows it."""

        def both() -> bool:
            return bool(self.mails_of(kind) and self.posts_of(kind))

        wait_for(f"{kind} arrived", both, DELIVERY_S_MAX, self.counts)
        wait_for("nothing waits for delivery", lambda: node.status()["outbox"] == 0, DELIVERY_S_MAX)


def _drained(queue: "Queue[T]") -> list[T]:
    return [queue.get_nowait() for _ in range(queue.qsize())]
