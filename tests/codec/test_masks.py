"""Secrets are masked and never quoted, and a mask is never stored."""

from collections.abc import Iterator
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given

from qutrio.codec.field import Field
from qutrio.codec.masks import require_unmasked, restored
from qutrio.codec.plain import (
    channel_from_plain,
    channel_to_plain,
    check_from_plain,
    check_to_plain,
)
from qutrio.codec.plain_fields import FIELDS
from qutrio.codec.yaml_text import read_yaml
from qutrio.errors import InvalidDocumentError, InvalidValueError
from qutrio.model.channels import Channel, DiscordChannel, SmtpChannel, WebhookChannel
from qutrio.model.checks import Check, HttpCheck
from qutrio.model.rules import MASK
from tests.codec import values
from tests.secrets.planted import CHANNELS, CHECKS, SECRET

WORDS = """
    id name interval timeout retries enabled alerts changed kind method expect_status
    redirects_max verify_tls ip_family each_address body_max address default host port security
    username sender recipients voter fingerprint certificate created_unix expires_unix
    auto_approve claimant cluster_id revision term level
    record contains records resolvers server_name warn_days fail_days verify_chain verify_name
"""
PUBLIC = frozenset(WORDS.split())
"""Fields that everybody may see.  A new field that is not named here must have a mask."""

SETTINGS = frozenset(f.name for cls, fs in FIELDS.items() if cls.__name__ == "Settings" for f in fs)


def masked() -> Iterator[tuple[type, Field]]:
    for cls, known in FIELDS.items():
        yield from ((cls, field) for field in known if field.mask is not None)


def _ident(value: object) -> str:
    return str(getattr(value, "__name__", "") or getattr(value, "name", ""))


def to_plain(value: Check | Channel, *, secrets: bool) -> dict[str, Any]:
    if isinstance(value, HttpCheck):
        return check_to_plain(value, secrets=secrets)
    assert isinstance(value, SmtpChannel | WebhookChannel | DiscordChannel)
    return channel_to_plain(value, secrets=secrets)


def test_every_field_is_public_by_decision_or_has_a_mask() -> None:
    named = {(cls.__name__, f.name) for cls, known in FIELDS.items() for f in known if not f.mask}
    unsaid = {(cls, name) for cls, name in named if name not in PUBLIC | SETTINGS}
    # A list of kinds that come later may bring fields of their own: name them above.
    assert {pair for pair in unsaid if pair[0].endswith(("Check", "Channel"))} == set()


@pytest.mark.parametrize(
    "wrong", [{SECRET: 1}, [SECRET], [[SECRET]], [[SECRET, 7]], 271828, "\ud800"]
)
@pytest.mark.parametrize(("cls", "field"), list(masked()), ids=_ident)
def test_a_value_of_the_wrong_kind_is_refused_without_being_quoted(
    cls: type, field: Field, wrong: object
) -> None:
    del cls
    if field.name == "headers" and isinstance(wrong, str):
        wrong = SECRET
    with pytest.raises(InvalidValueError) as caught:
        field.read(wrong, field.name)
    assert not {SECRET, "271828"} & set(str(caught.value).replace("'", " ").split())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"url": f"ftp://user:{SECRET}@h/"},
        {"url": f"http://h:{SECRET}/"},
        {"url": f"http://u:{SECRET}@h:99999/"},
        {"url": f"http:/u:{SECRET}@h/"},
        {"url": SECRET},
        {"url": f"http:// h/?{SECRET}"},
        {"url": f"http://u?{SECRET}@h/ä b"},
        {"url": f"http://[::1/?{SECRET}"},
        {"url": f"http://ä\u0308..h/#{SECRET}"},
        {"url": f"http://h/?{SECRET}" + "x" * 3000},
        {"headers": {f"Authorization Bearer {SECRET}": "x"}},
        {"headers": {"X": f"{SECRET}\r\nY: z"}},
        {"body_regex": f"({SECRET}"},
        {"body_regex": f"(?P<{SECRET}>a)(?P<{SECRET}>b)"},
        {"body_regex": f"(?P={SECRET})"},
        {"body_regex": f"\\q{SECRET}"},
        {"body_regex": f"{SECRET}" + "x" * 2000},
        {"bearer_token": SECRET, "basic_user": SECRET},
        {"basic_password": SECRET * 100},
    ],
)
def test_no_rule_quotes_a_secret(change: dict[str, Any]) -> None:
    web = {"kind": "http", "id": "c1", "name": "web", "url": "http://h/"}
    with pytest.raises(InvalidDocumentError) as caught:
        check_from_plain(web | change, "web", strict=True)
    if not str(change.get("url", "")).startswith(f"http://h:{SECRET}"):
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [*CHECKS, *CHANNELS], ids=lambda v: f"{v['kind']}-{v['name']}")
def test_neither_the_plain_form_nor_the_repr_shows_a_secret(value: dict[str, Any]) -> None:
    read = check_from_plain if value in CHECKS else channel_from_plain
    write = check_to_plain if value in CHECKS else channel_to_plain
    made: Any = read({**value, "id": "x1"}, "x", strict=True)
    assert SECRET in str(write(made, secrets=True))
    assert SECRET not in str(write(made, secrets=False))
    assert SECRET not in repr(made)
    assert SECRET not in made.target


@given(values.checks | values.channels)
def test_a_masked_form_that_comes_back_changes_nothing(value: Any) -> None:
    if value.kind == "unknown" or any(MASK in text for _, text in value.extra):
        return
    read = check_from_plain if isinstance(value, Check) else channel_from_plain
    write = check_to_plain if isinstance(value, Check) else channel_to_plain
    shown = {k: v for k, v in write(value, secrets=False).items() if k not in dict(value.extra)}
    given_back = restored(value, shown)
    again = attrs.evolve(read(given_back, "x", strict=True), extra=value.extra)
    assert again == value
    require_unmasked(again, value)


@given(st.sampled_from(["url", "secret"]))
def test_a_mask_that_stands_for_nothing_is_refused(name: str) -> None:
    hook = {"kind": "webhook", "id": "a1", "name": "h", "url": f"https://h/{MASK}"}
    if name == "secret":
        hook |= {"url": "https://h/x", "secret": MASK}
    channel = channel_from_plain(hook, "h")
    with pytest.raises(InvalidValueError, match=f"^{name}: holds .* stands for"):
        require_unmasked(channel, None)


@pytest.mark.parametrize(
    "change",
    [
        {"url": f"https://h/p?{MASK}"},
        {"url": f"https://h/p#{MASK}"},
        {"url": f"https://h/?a={MASK}"},
        {"url": f"https://h/?a=********b&{MASK}=1&c=2"},
        {"url": f"https://h/?a=1&b={MASK}&c=2#top"},
        {"url": f"https://h/?a={MASK};b=2"},
        {"url": f"https://h/{MASK}/x"},
        {"headers": {"X-Own": MASK}},
        {"headers": {"X-Own": "fine", MASK: "x"}},
        {"body": MASK},
        {"body_contains": MASK},
        {"body_not_contains": MASK},
        {"basic_user": MASK},
        {"bearer_token": MASK},
        {"x_future": MASK},
    ],
    ids="-".join,
)
def test_every_masked_field_of_a_check_refuses_its_mask(change: dict[str, Any]) -> None:
    web = {"kind": "http", "id": "c1", "name": "web", "url": "https://h/"}
    check = check_from_plain(web | change, "web")
    with pytest.raises(InvalidValueError, match=f"^{next(iter(change))}: holds"):
        require_unmasked(check, None)
    require_unmasked(check, check)


def test_a_header_keeps_its_own_old_value() -> None:
    web = {"kind": "http", "id": "c1", "name": "web", "url": "https://h/"}
    was = check_from_plain(web | {"headers": [["A", "1"], ["B", "2"], ["a", "3"]]}, "web")
    back = [["B", MASK], ["A", MASK], ["a", "new"], ["C", "4"]]
    kept = restored(was, {"headers": back})["headers"]
    assert kept == {"B": "2", "A": "1", "a": "new", "C": "4"}
    assert restored(was, {"headers": 7}) == {"headers": 7}


def test_text_that_contains_a_mask_among_other_words_is_a_value() -> None:
    web = {"kind": "http", "id": "c1", "name": "web", "url": "https://h/a********b"}
    require_unmasked(check_from_plain(web | {"body": f"password: {MASK}"}, "web"), None)
    for url in ("https://h/?a=x********", "https://h/?a=********b", "https://h/?*********"):
        require_unmasked(check_from_plain(web | {"url": url}, "web"), None)


@pytest.mark.parametrize(
    "line",
    [
        f"body: !{SECRET}!x",
        f"body: &{SECRET}",
        f"body: *{SECRET}",
        f'body: "{SECRET}',
        f"{SECRET}: [",
    ],
)
def test_invalid_yaml_is_refused_without_being_quoted(line: str) -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        read_yaml(f"checks:\n  - {line}\n", "cluster.yaml")
    assert SECRET not in str(caught.value)
    assert "cluster.yaml:" in str(caught.value)
