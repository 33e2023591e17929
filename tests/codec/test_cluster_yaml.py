"""cluster.yaml: what is written is read, what people write is kept or refused with its line."""

import time

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from qutrio.codec.cluster_yaml import END, emit, is_whole, merge, parse
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError
from qutrio.model.channels import SmtpChannel
from qutrio.model.checks import HttpCheck, TcpCheck
from qutrio.model.document import ClusterDocument, Settings
from qutrio.model.ids import ChannelId, CheckId, Fingerprint, NodeId, Revision
from qutrio.model.members import Member
from tests.codec.values import documents

WEB = HttpCheck(id=CheckId("c1"), name="web", url="https://example.org/")
DATABASE = TcpCheck(id=CheckId("c2"), name="db", address="127.0.0.1:5432")
DOCUMENT = ClusterDocument(
    cluster_id="k",
    revision=Revision(7),
    members=(
        Member(
            id=NodeId("n1"),
            name="one",
            address="127.0.0.1:9901",
            fingerprint=Fingerprint("f"),
            certificate="c",
        ),
    ),
    checks=(WEB, DATABASE),
    channels=(
        SmtpChannel(
            id=ChannelId("a1"),
            name="mail",
            host="mail.example.org",
            password="12345e67",
            sender="q@example.org",
            recipients=("ops@example.org",),
        ),
    ),
)
TEXT = emit(DOCUMENT)
thorough = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@thorough
@given(documents)
def test_every_document_reads_as_it_was_written(document: ClusterDocument) -> None:
    assert parse(emit(document), "cluster.yaml") == document


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(documents, documents)
def test_merging_any_document_into_any_text_gives_that_document(
    before: ClusterDocument, after: ClusterDocument
) -> None:
    assert parse(merge(emit(before), after), "cluster.yaml") == after


def test_a_thousand_checks_are_written_quickly() -> None:
    checks = tuple(evolve(WEB, id=CheckId(f"c{n:05}"), name=f"web{n}") for n in range(1000))
    document = evolve(DOCUMENT, checks=checks)
    best = min(timed(document) for _ in range(3))
    assert best < 0.25  # 0.02 s on an idle machine


def timed(document: ClusterDocument) -> float:
    began = time.process_time()
    emit(document)
    return time.process_time() - began


def test_comments_and_order_survive_a_merge() -> None:
    text = TEXT.replace("checks:\n", "checks:\n  # the shop\n").replace(
        '    interval: "30s"\n', "    interval: 30  # not less, says the hoster\n", 1
    )
    checks = (evolve(WEB, timeout_s=5.0), DATABASE)
    after = evolve(DOCUMENT, revision=Revision(8), checks=checks)
    merged = merge(text, after)
    assert parse(merged, "x") == after
    assert "  # the shop\n" in merged
    assert "    interval: 30  # not less, says the hoster\n" in merged
    assert merged == text.replace("revision: 7", "revision: 8").replace(
        'timeout: "10s"', 'timeout: "5s"', 1
    )


def test_a_merge_removes_and_adds_items() -> None:
    new = TcpCheck(id=CheckId("c3"), name="mail", address="127.0.0.1:25")
    after = evolve(DOCUMENT, checks=(DATABASE, new))
    text = TEXT.replace('  - id: "c2"', '  # keep me\n  - id: "c2"')
    merged = merge(text, after)
    assert parse(merged, "x") == after
    assert "web" not in merged


def test_a_merge_writes_down_the_id_that_a_person_left_out() -> None:
    text = TEXT.replace('  - id: "c1"\n    name: "web"', '  - name: "web"')
    read = parse(text, "x")
    web = next(c for c in read.checks if c.name == "web")
    assert web.id == "c" + web.id[1:].lower()
    assert len(web.id) == 12
    assert f'id: "{web.id}"' in merge(text, read)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('interval: "30s"', "interval: soon", r":\d+: check 'web': interval: 'soon' is not a dur"),
        ('interval: "30s"', "interval: 0.1s", r"check 'web': interval: 100ms is out of range"),
        ("enabled: true", "enabled: yes", "neither true nor false"),
        ('name: "db"', 'name: "web"', "'web' is given twice"),
        (
            "checks:\n",
            "checks:\n" + "  - {name: new, kind: icmp, host: h}\n" * 2,
            "check 'new': name: 'new' is given twice",
        ),
        ('id: "c2"', 'id: "c1"', "id: 'c1' is given twice"),
        ('url: "https://example.org/"', "", r"check 'web': url: is missing"),
        ('body_max: "1MiB"', "body_max: 1 elephant", "such as 64KiB"),
        ('expect_status: ["200-299"]', "expect_status: [20]", "such as 200"),
        ('expect_status: ["200-299"]', "expect_status: [700]", "out of range"),
        ('kind: "tcp"', "", "kind: is missing"),
        ("revision: 7", "revision: seven", "revision: 'seven' is not a whole number"),
        ("revision: 7", "", "revision: is missing"),
        ("revision: 7", "revision: &a 7", "anchors and aliases"),
        ("revision: 7", "revision: !!int 7", "tags"),
        ("revision: 7", "revision: 7\nrevision: 8", "'revision' is given twice"),
        ("revision: 7", "revision: [7", "is not YAML"),
        ("  heartbeat: ", "\theartbeat: ", "is not YAML: found a tab that cannot start"),
        ("revision: 7", "revision: " + "[" * 100, "nested more than"),
        ("format: 1", "format: zero", "format: must be 1"),
        ("port: 587", "port: 99999", "channel 'mail': port: 99999 is out of range"),
        ("checks:\n", "checks: 7\nrest:\n", "checks: a number is not a list"),
        ("checks:\n", "checks:\n  - 12\n", "check number 1: "),
        ('master_cooldown: "2m"', "master_cooldown: x", "settings: master_cooldown"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_field(old: str, new: str, problem: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidDocumentError, match=problem) as caught:
        parse(TEXT.replace(old, new, 1), "cluster.yaml")
    assert str(caught.value).startswith("cluster.yaml:")


def test_the_line_is_the_line_of_the_field() -> None:
    text = TEXT.replace('interval: "30s"', "interval: soon", 1)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "soon" in row)
    with pytest.raises(InvalidDocumentError, match=f"^cluster.yaml:{line}: "):
        parse(text, "cluster.yaml")


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "hello", "- 1\n", "---\n---\n", "\0", "a: \x07"]
)
def test_a_text_that_holds_no_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocumentError, match=r"cluster\.yaml"):
        parse(text, "cluster.yaml")


def test_a_huge_text_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InvalidDocumentError, match="larger than"):
        parse("#" * (33 * 1024 * 1024), "cluster.yaml")


def test_every_text_that_was_cut_off_can_be_told() -> None:
    assert is_whole(TEXT)
    assert is_whole(TEXT + "\n\n")
    assert not any(is_whole(TEXT[:end]) for end in range(len(TEXT) - 1))


def test_what_is_added_stands_before_the_last_line() -> None:
    new = TcpCheck(id=CheckId("c3"), name="mail", address="127.0.0.1:25")
    merged = merge(TEXT, evolve(DOCUMENT, checks=(*DOCUMENT.checks, new)))
    assert is_whole(merged)
    assert merged.count(END) == 1


def test_a_file_of_a_newer_format_is_not_called_wrong() -> None:
    with pytest.raises(UnsupportedVersionError, match="newer version"):
        parse(TEXT.replace("format: 1", "format: 2"), "cluster.yaml")


def test_sections_left_out_are_empty_and_settings_are_the_defaults() -> None:
    document = parse("cluster_id: k\nrevision: 1\nchecks:\n", "x")
    assert document.checks == ()
    assert document.members == ()
    assert document.settings == Settings()


def test_what_people_write_without_quotes_is_read() -> None:
    text = """
cluster_id: k
revision: 1
checks:
  - name: web
    kind: http
    url: https://example.org/health
    interval: 1m
    expect_status: [200, 300-399]
    headers: {Accept: text/html}
    alerts: ops
    ip_family: 4
"""
    (check,) = parse(text, "x").checks
    assert isinstance(check, HttpCheck)
    assert check.interval_s == 60
    assert [(r.low, r.high) for r in check.expect_status] == [(200, 200), (300, 399)]
    assert check.headers == (("Accept", "text/html"),)
    assert check.alerts == ("ops",)
    assert check.ip_family.value == "4"


def test_a_url_that_a_person_writes_in_their_own_letters_is_read_into_ascii() -> None:
    text = TEXT.replace("https://example.org/", "https://grüße.example/ß")
    check = parse(text, "x").checks[0]
    assert isinstance(check, HttpCheck)
    assert check.url == "https://xn--gre-6ka8l.example/%C3%9F"
