"""The notices that arrived at the alert channels, with their times."""

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from attrs import define, field, frozen

from qutrio.plumbing.clock import BootClock
from tests.alerts.servers import Mail, MailServer, Post, WebServer, mail_server, web_server
from tests.chaos.insisting import insist
from tests.cluster.namespaces import HUB_ADDRESS, Network
from tests.cluster.nodes import Node
from tests.cluster.people import HOOK, MAIL

LOOK_EVERY_S = 0.05
_SUBJECT = re.compile(r"^\[(DOWN|RECOVERED)\] ([^:]+): ")
_SIGNATURE = re.compile(
    r"sent by node (\S+) in term \d+\s+cluster \S+, incident (\S+), notice (\S+)"
)
CHANNELS = frozenset({MAIL, HOOK})


@frozen
class Arrival:
    """One notice at one channel.

    Receivers use `ident` to drop repeats.  `at` is of the monotonic clock, `at_unix` of the wall
    clock of the node that decided.
    """

    at: float
    channel: str
    kind: str
    check: str
    incident: str
    ident: str
    at_unix: float
    sent_by: str

    def in_words(self) -> str:
        """Return it in one line."""
        return f"{self.kind} {self.check} ({self.incident}) on {self.channel} at {self.at:.2f}"


@frozen
class Raw:
    """What a receiver got, and when, by the monotonic and the wall clock."""

    at: float
    wall: float
    taken: Mail | Post


@define
class Sinks:
    """Both receivers, on the hub, and a thread that records when something arrives."""

    mail: MailServer
    web: WebServer
    raw: list[Raw] = field(factory=list)
    _ended: threading.Event = field(factory=threading.Event)

    def attach(self, node: Node) -> None:
        """Add both channels to the cluster."""
        mail = ["--host", HUB_ADDRESS, "--port", str(self.mail.port), "--security", "none"]
        mail += ["--from", "qutrio@example.org", "--to", "oncall@example.org"]
        insist(node, "alert", "add", "smtp", MAIL, *mail)
        insist(node, "alert", "add", "webhook", HOOK, f"http://{HUB_ADDRESS}:{self.web.port}/")

    def arrivals(self) -> list[Arrival]:
        """Return the arrivals so far, in order."""
        return arrivals_of(list(self.raw))

    def collect(self) -> None:
        """Record arrivals until the end."""
        while not self._ended.wait(LOOK_EVERY_S):
            self._collect_new()
        self._collect_new()

    def _collect_new(self) -> None:
        now, wall = time.monotonic(), BootClock().wall()
        for queue in (self.mail.taken, self.web.posts):
            self.raw += [Raw(now, wall, queue.get_nowait()) for _ in range(queue.qsize())]

    def end(self) -> None:
        self._ended.set()


@contextmanager
def sinks(network: Network) -> Iterator[Sinks]:
    """Receive mail and posts on the hub."""
    with ExitStack() as stack:
        with network.hub.entered():
            mail = stack.enter_context(mail_server(host=HUB_ADDRESS))
            web = stack.enter_context(web_server(host=HUB_ADDRESS))
        received = Sinks(mail, web)
        thread = threading.Thread(target=received.collect)
        stack.callback(thread.join)
        stack.callback(received.end)
        thread.start()
        yield received


def arrivals_of(raw: Sequence[Raw]) -> list[Arrival]:
    """Return the notices among what arrived, in order; a mail has the decision time of its post."""
    decided: dict[str, float] = {}
    for one in raw:
        if isinstance(one.taken, Post):
            told = json.loads(one.taken.content)
            decided[told["notice_id"]] = told["at_unix"]
    return [
        _posted(one, one.taken) if isinstance(one.taken, Post) else _mailed(one, one.taken, decided)
        for one in raw
    ]


def _posted(raw: Raw, post: Post) -> Arrival:
    told = json.loads(post.content)
    return Arrival(
        at=raw.at,
        channel=HOOK,
        kind=told["event"],
        check=told["check"]["name"],
        incident=told["incident_id"],
        ident=post.headers["x-qutrio-delivery"],
        at_unix=told["at_unix"],
        sent_by=told["sent_by"]["name"],
    )


def _mailed(raw: Raw, mail: Mail, decided: Mapping[str, float]) -> Arrival:
    message = mail.message
    subject = _SUBJECT.match(message["Subject"].strip())
    signed = _SIGNATURE.search(message.get_content())
    assert subject is not None, message["Subject"]
    assert signed is not None, message.get_content()
    sent_by, incident, notice = signed.groups()
    return Arrival(
        at=raw.at,
        channel=MAIL,
        kind=message["X-Qutrio-Event"],
        check=subject[2],
        incident=incident,
        ident=message["Message-ID"],
        at_unix=decided.get(notice, raw.wall),
        sent_by=sent_by,
    )
