"""The initial cluster of a scenario: from names and options, or from a `cluster.yaml`."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from attrs import define, evolve

from qutrio.codec.cluster_yaml import parse
from qutrio.codec.yaml_text import flow
from qutrio.errors import QutrioError
from qutrio.model.channels import Channel, UnknownChannel, WebhookChannel
from qutrio.model.checks import Check, UnknownCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import ChannelId, NodeId, Revision
from qutrio.model.levels import LEVEL
from qutrio.model.members import Member
from qutrio.sim.initial_states import member
from qutrio.sim.scenario.problems import Problems, text
from qutrio.sim.scenario.requests import new_check, refuse_name, updated_settings
from qutrio.sim.scenario.tokens import NODES_MAX, SentenceError, shown, unknown


def machine(name: str, number: int) -> Member:
    """Return a voter.  Its id follows from `number`, so that the first of a list has the lowest."""
    return evolve(member(NodeId(f"n{number:012x}"), number), name=name)


def webhook(name: str, *, default: bool) -> Channel:
    """Return a channel whose URL is never used."""
    return WebhookChannel(
        id=ChannelId(name), name=name, url="https://pager.example/", default=default
    )


def found(
    nodes: Iterable[str], checks: Iterable[Check], channels: Iterable[Channel], settings: Settings
) -> ClusterDocument:
    """Return the document of a new cluster in which every node has a vote."""
    return ClusterDocument(
        cluster_id="what-if",
        revision=Revision(1),
        settings=settings,
        members=tuple(machine(name, number) for number, name in enumerate(nodes)),
        checks=tuple(sorted(checks, key=lambda c: c.id)),
        channels=tuple(sorted(channels, key=lambda c: c.id)),
        level=LEVEL,
    )


def playable(document: ClusterDocument) -> tuple[Mapping[str, Check], Mapping[str, Channel]]:
    """Return the checks and channels of a document that a scenario can use, by name."""
    checks = {c.name: c for c in document.checks if not isinstance(c, UnknownCheck)}
    channels = {c.name: c for c in document.channels if not isinstance(c, UnknownChannel)}
    return checks, channels


def narrowed(document: ClusterDocument, wanted: Collection[str]) -> ClusterDocument:
    """Return a document without the checks that the file does not mention: they would stay up."""
    return evolve(document, tokens=(), checks=tuple(c for c in document.checks if c.name in wanted))


CHECKS_MAX = 50
CHANNELS_MAX = 10
DEFAULT_CHECKS: Final = ("web",)
DEFAULT_CHANNELS: Final = ("mail",)
_EXAMPLES: Final = MappingProxyType(
    {"node": ("alpha", "bravo", "charlie"), "check": ("web",), "channel": ("mail",)}
)
_OPTIONS: Final = MappingProxyType({"check": "{interval: 10s}", "channel": "{default: false}"})

OpenFile = Callable[[str], str]
"""Returns the text of a file that the scenario names; raises `QutrioError`."""


def declared(problems: Problems, open_file: OpenFile) -> ClusterDocument | None:
    """Return the initial document of a scenario, or None if there are problems."""
    declaration = _Declaration(problems, open_file)
    document = declaration.cluster() if "cluster" in problems.data else declaration.founded()
    return None if problems.found else document


@define
class _Declaration:
    problems: Problems
    open_file: OpenFile

    def cluster(self) -> ClusterDocument | None:
        data = self.problems.data
        for name in ("nodes", "checks", "channels"):
            if name in data:
                self.problems.add((name,), f"{name}: the cluster file says that; leave it out here")
        path = self.problems.attempt(("cluster",), lambda: text(data["cluster"]))
        if path is None:
            return None
        try:
            document = parse(self.open_file(path), path)
        except QutrioError as error:
            self.problems.add(("cluster",), f"cluster: {error}")
            return None
        if not document.voters:
            self.problems.add(("cluster",), f"cluster: {path} has no voting member")
        if len(document.members) > NODES_MAX:
            problem = f"has {len(document.members)} members; a scenario plays {NODES_MAX} at most"
            self.problems.add(("cluster",), f"cluster: {path} {problem}")
        settings = self._settings(document.settings)
        return None if settings is None else evolve(document, settings=settings)

    def founded(self) -> ClusterDocument | None:
        nodes = self._names("node", NODES_MAX, None)
        checks = self._names("check", CHECKS_MAX, DEFAULT_CHECKS)
        channels = self._names("channel", CHANNELS_MAX, DEFAULT_CHANNELS)
        settings = self._settings(Settings())
        if nodes is None or checks is None or channels is None or settings is None:
            return None
        if not nodes:
            self.problems.add(("nodes",), "nodes: name at least one")
        made = [
            self.problems.attempt(("checks", name), partial(new_check, name, plain))
            for name, plain in checks.items()
        ]
        told = [
            self.problems.attempt(("channels", name), partial(_channel, name, plain))
            for name, plain in channels.items()
        ]
        for check in (c for c in made if c):
            for alert in (a for a in check.alerts if a not in channels):
                problem = f"checks: {check.name}: {unknown('channel', alert, channels)}"
                self.problems.add(("checks", check.name), problem)
        if self.problems.found:
            return None
        return found(nodes, [c for c in made if c], [c for c in told if c], settings)

    def _settings(self, current: Settings) -> Settings | None:
        plain = self.problems.data.get("settings") or {}
        if not isinstance(plain, dict):
            self.problems.add(("settings",), "settings: write 'heartbeat: 1s' and so on below it")
            return None
        return self.problems.attempt(("settings",), lambda: updated_settings(current, plain))

    def _names(
        self, kind: str, most: int, default: tuple[str, ...] | None
    ) -> dict[str, dict[str, Any]] | None:
        """Read a list of names, or a mapping of names to options if the kind has options."""
        field_ = f"{kind}s"
        given = self.problems.data.get(field_, None if default is None else list(default))
        optional = default is not None
        if isinstance(given, dict) and optional:
            named = given
        elif isinstance(given, list):
            named = self._listed(field_, given)
        else:
            hint = f"write '{field_}: [{', '.join(_EXAMPLES[kind])}]'"
            self.problems.add((field_,), f"{field_}: is missing; {hint}" if given is None else hint)
            return None
        if len(named) > most:
            self.problems.add((field_,), f"{field_}: {len(named)} are too many; at most {most}")
            return None
        folded = [str(name).casefold() for name in named]
        for name, plain in named.items():
            self.problems.attempt((field_, name), partial(refuse_name, kind, name))
            if folded.count(str(name).casefold()) > 1:
                problem = f"{shown(str(name))} differs from another name by case alone"
                self.problems.add((field_, name), f"{field_}: {problem}")
            if plain is not None and not isinstance(plain, dict):
                problem = f"{name}: {shown(str(plain))} is not a mapping such as {_OPTIONS[kind]}"
                self.problems.add((field_, name), f"{field_}: {problem}")
        return {n: p if isinstance(p, dict) else {} for n, p in named.items()}

    def _listed(self, field_: str, given: list[object]) -> dict[str, dict[str, Any]]:
        """Return the names of a list, each without options."""
        names = [item for item in given if isinstance(item, str)]
        for item in [item for item in given if not isinstance(item, str)]:
            problem = f"{shown(flow(item))} is not a name such as alpha"
            self.problems.add((field_,), f"{field_}: {problem}")
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            self.problems.add((field_,), f"{field_}: {shown(name)} is given twice")
        return {name: {} for name in names}


def _channel(name: str, plain: Mapping[str, Any]) -> Channel:
    for option in plain:
        if option != "default":
            raise unknown("option", option, ("default",))
    default = plain.get("default", True)
    if not isinstance(default, bool):
        raise SentenceError(f"{name}: default is true or false")
    return webhook(name, default=default)
