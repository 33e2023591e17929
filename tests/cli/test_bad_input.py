"""Each kind of bad input: one sentence on stderr, nothing on stdout, the documented code."""

import pytest

from qutrio.cli.app import main
from qutrio.cli.exits import ExitCode
from tests.cli.in_process import CommandRunner


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status", "--jsn"], ["--jsn", "--json", "qutrio status --help"]),
        (["chek", "list"], ["chek", "check"]),
        (["check", "ad"], ["ad", "add"]),
        (["check", "add", "http", "web"], ["url", "qutrio check add http --help"]),
        (["check", "add", "http", "web", "ftp://x/"], ["web", "url", "https://example.org/health"]),
        (["check", "add", "http", "web", "https://u:p@x/"], ["url", "basic_user"]),
        (["check", "add", "http", "web", "https://x/", "--interval", "soon"], ["interval", "30s"]),
        (["check", "add", "http", "web", "https://x/", "--interval", "0s"], ["interval", "1s"]),
        (
            ["check", "add", "http", "web", "https://x/", "--retries", "many"],
            ["--retries", "'many' is not a whole number"],
        ),
        (
            ["check", "add", "http", "web", "https://x/", "--header", "oops"],
            ["--header", "NAME: VALUE"],
        ),
        (["check", "add", "http", "web", "https://x/", "--expect-status", "ok"], ["expect_status"]),
        (["check", "add", "http", "web", "https://x/", "--body-regex", "("], ["body_regex"]),
        (["check", "add", "http", "a b", "https://x/"], ["name", "a b"]),
        (["check", "add", "tcp", "db", "db"], ["address", "host:port"]),
        (["check", "show", "nope"], ["nope", "qutrio check list"]),
        (["check", "edit", "nope", "--interval", "3s"], ["nope"]),
        (["alert", "test", "nope"], ["nope", "qutrio alert list"]),
        (["alert", "add", "webhook", "h", "not a url"], ["url"]),
        (["alert", "add", "discord", "d", "http://d.example/x"], ["url", "https://", "secret"]),
        (["alert", "add", "smtp", "m", "--host", "h", "--from", "x", "--to", "y"], ["sender"]),
        (
            ["alert", "add", "webhook", "h", "https://x/", "--secret", "@/nowhere"],
            ["--secret", "/nowhere"],
        ),
        (["check", "add", "tcp", "x", "tcp://h:80"], ["check 'x': address", "'h:80'"]),
        (["check", "add", "tcp", "x", "[::1]:80", "--ip-family", "4"], ["ip_family", "IPv6"]),
        (["check", "add", "http", "a\nb", "https://x/"], [r"'a\nb'"]),
        (["check", "add", "http", "x", "https://x/", "--interval", "999d"], ["999d", "1s to 1d"]),
        (["check", "add", "http", "x", "https://x/", "--body", "x" * 70_000], ["70000 characters"]),
        (["check", "add", "http", "x", "https://x/", "--body-max", "100MiB"], ["100MiB", "16MiB"]),
        (
            [
                "alert",
                "add",
                "smtp",
                "m",
                "--host",
                "mail:25",
                "--from",
                "a@b.ch",
                "--to",
                "c@d.ch",
            ],
            ["host: 'mail:25' holds a port", "the port is a field of its own (--port)"],
        ),
        (
            [
                *("alert", "add", "smtp", "m", "--host", "mail", "--password", "hush"),
                *("--from", "a@b.ch", "--to", "c@d.ch"),
            ],
            ["username: is missing", "--username"],
        ),
        (["node", "edit", "b", "--address", "tcp://h:1"], ["'h:1'"]),
        (["node", "edit", "b", "--address", "0.0.0.0:9901"], ["is where a node listens"]),
        (["node", "edit", "b", "--address", "[::]:9901"], ["give the address that others dial"]),
        (["check", "add", "tcp", "t", "0.0.0.0:80"], ["check 't': address: '0.0.0.0' is where"]),
        (["check", "add", "tls", "t", "[::]:443"], ["address: '::' is where a server listens"]),
        (["check", "add", "icmp", "t", "0.0.0.0"], ["host: '0.0.0.0' is where a server listens"]),
        (["check", "add", "http", "t", "http://0.0.0.0/"], ["url: '0.0.0.0' is where a server"]),
        (["check", "add", "http", "t", "http://[fe80::1%25]/"], ["'fe80::1%' is not an IPv6"]),
        (["check", "add", "tcp", "t", "h:080"], ["the port 080 begins with a zero; write 80"]),
        (
            ["check", "add", "dns", "d", "x.org", "--record", "mx", "--records", "mail.x.org"],
            ["records: 'mail.x.org'", "write '10 mail.x.org'"],
        ),
        (["check", "add", "dns", "d", "x.org", "--contains", ""], ["contains: ''", "leave it out"]),
        (
            ["check", "add", "http", "t", "https://x/", "--bearer-token", ""],
            ["bearer_token: is empty", "--unset bearer_token"],
        ),
        (
            ["check", "add", "http", "t", "https://x/", "--basic-password", ""],
            ["basic_password: is empty"],
        ),
        (
            ["check", "add", "http", "t", "https://x/", "--body-contains", ""],
            ["body_contains: is empty"],
        ),
        (
            ["check", "add", "http", "t", "https://x/", "--basic-user", "ann"],
            ["basic_password: is missing", "--basic-password", "or neither"],
        ),
        (
            ["check", "add", "http", "t", "https://x/", "--header", "X-A: 1", "--header", "x-a: 1"],
            ["--header: number 2 has the name of number 1"],
        ),
        (
            ["check", "add", "http", "t", "https://x/?a=********"],
            ["url: holds ********", "give the value itself"],
        ),
        (["alert", "add", "webhook", "w", "https://x/", "--secret", ""], ["secret: is empty"]),
        (
            [
                *("alert", "add", "smtp", "m", "--host", "mail", "--username", "u"),
                *("--from", "a@b.ch", "--to", "c@d.ch"),
            ],
            ["password: is missing", "--password"],
        ),
        (["serve", "--socket", ""], ["--socket: is empty"]),
        (["check", "add", "tls", "t", "https://x.org"], ["write 'x.org:443' alone"]),
        (["check", "add", "icmp", "t", "x.org:80"], ["write 'x.org' alone: there is no port here"]),
        (["check", "add", "dns", "t", "x.org:53"], ["there is no port here"]),
        (["check", "add", "tcp", "t", "h", "80"], ["arguments: '80'", "one argument, HOST:PORT"]),
        (["check", "add", "tls", "t", "h", "443"], ["arguments: '443'", "HOST:PORT"]),
        (["node", "remove", "a", "b"], ["arguments: 'b'; see 'qutrio node remove --help'"]),
        (["cluster", "remove", "b"], ["'qutrio node remove'", "qutrio cluster --help"]),
        (["node", "add", "b"], ["'qutrio enroll create'"]),
        (
            ["check", "add", "http", "t", "https://x/", "--expect-status", "200-100"],
            ["write 100-200"],
        ),
        (["node", "remove", "nope"], ["nope", "qutrio node list"]),
        (["enroll", "create", "--ttl", "soon"], ["ttl", "soon"]),
        (["enroll", "approve", "nope"], ["nope", "qutrio enroll list"]),
        (["enroll", "join", "hello"], ["token", "qutrio enroll create"]),
        (["enroll", "join", "qt1_AAAA"], ["token", "damaged"]),
        (["settings", "set", "engine"], ["engine", "NAME=VALUE"]),
        (["settings", "set", "heartbeat=1s", "heartbeat=2s"], ["heartbeat", "given twice"]),
        (["settings", "set", "hartbeat=1s"], ["hartbeat", "heartbeat"]),
        (["settings", "set", "engine=nosuch"], ["nosuch", "lowest-id"]),
        (
            ["check", "add", "http", "web", "https://x/", "--alert", "nosuch"],
            ["nosuch", "qutrio alert list"],
        ),
        (["serve", "--port", "0"], ["--port", "0 is out of range: 1 to 65535"]),
        (["serve", "--port", "x"], ["--port", "'x' is not a whole number"]),
        (["cluster", "history", "--limit", "0"], ["0 is out of range: at least 1"]),
        (
            ["alert", "add", "webhook", "h", "https://ann:hush@x/"],
            ["alert 'h': url: holds credentials"],
        ),
        (
            ["check", "add", "tcp", "t", "h:1", "--retries", "9" * 23],
            ["check 't': retries: 1e+23 is too large"],
        ),
        (["serve", "--log", "loud"], ["--log", "loud"]),
    ],
)
async def test_bad_input_is_told_in_one_sentence(
    qutrio: CommandRunner, arguments: list[str], words: list[str]
) -> None:
    """What is wrong, where, and what to do; the exit code is 2."""
    told = await qutrio(*arguments)
    assert told.code == ExitCode.BAD_INPUT
    assert told.out == ""
    assert told.err.startswith("qutrio: ")
    assert told.err.count("\n") == 1
    assert [word for word in words if word not in told.err] == []


@pytest.mark.parametrize("arguments", [[], ["check"], ["check", "add"], ["enroll"]])
def test_nothing_to_do_shows_the_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A group alone is bad input, answered with what it offers."""
    assert main(arguments) == ExitCode.BAD_INPUT
    assert "Commands:" in capsys.readouterr().err
