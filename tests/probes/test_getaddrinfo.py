"""Our resolver beside the C library's, under many settings of a host: both find the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.probes.getaddrinfo_program import FILES

NO_NAMESPACES = 77
ROOT = Path(__file__).parents[2]
SCRIPT = """
mount --make-rprivate / || exit 77
for name in {files}; do
  [ -e /etc/$name ] || exit 77
  mount --bind {etc}/$name /etc/$name || exit 77
done
ip link set lo up && exec {python} -m tests.probes.getaddrinfo_program {etc}
"""
SHORT = "options timeout:1 attempts:1\n"
ONE = "nameserver 127.0.0.1\n" + SHORT
TWO = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n" + SHORT
DEAD_FIRST = "nameserver 127.0.0.9\nnameserver 127.0.0.2\n" + SHORT
HOSTS = """\
127.0.0.1 localhost
::1 localhost
192.0.2.50 shop.test
192.0.2.51 double.test
192.0.2.52 double.test other.test
2001:db8::52 double.test
192.0.2.53 none.test # commented.test
"""
NAMES = [
    "shop.test", "SHOP.test", "shop.test.", "v4only.test", "v6only.test", "none.test", "db",
    "db.", "bare", "x.y", "broken.test", "refused.test", "empty.test", "double.test", "other.test",
    "commented.test", "127.1", "0x7f000001", "192.0.2.1", "2001:db8::1",
]  # fmt: skip


def case(
    nsswitch: str, resolv: str, hosts: str = HOSTS, family: int = 0, multi: str = "multi on\n"
) -> dict[str, Any]:
    files = {
        "nsswitch.conf": f"hosts: {nsswitch}\n",
        "resolv.conf": resolv,
        "hosts": hosts,
        "host.conf": multi,
    }
    return {"files": files, "names": NAMES, "family": family}


CASES = {
    "files, dns": case("files dns", ONE),
    "dns, files": case("dns files", ONE),
    "dns alone": case("dns", ONE),
    "files alone": case("files", ONE),
    "ipv4": case("files dns", ONE, family=4),
    "ipv6": case("files dns", ONE, family=6),
    "several lines count only the first": case("files dns", ONE, multi=""),
    "search": case("files dns", ONE + "search corp.test a.test\n"),
    "search a failing domain first": case("files dns", ONE + "search a.test corp.test\n"),
    "domain": case("files dns", ONE + "domain corp.test\n"),
    "ndots": case("files dns", ONE + "search corp.test\noptions ndots:2\n"),
    "ndots 0": case("files dns", ONE + "search corp.test\noptions ndots:0\n"),
    "failover": case("files dns", TWO),
    "a dead server first": case("files dns", DEAD_FIRST),
    "no server": case("files dns", SHORT + "nameserver 127.0.0.9\n"),
    "edns and no aaaa": case("files dns", ONE + "options edns0 no-aaaa\n"),
    "one request at a time": case("files dns", ONE + "options single-request\n"),
    "not found is final in the file": case("files [NOTFOUND=return] dns", ONE),
    "not found is final in dns": case("dns [NOTFOUND=return] files", ONE),
    "all but unavailable is final": case("dns [!UNAVAIL=return] files", ONE),
    "a failure is final": case("dns [TRYAGAIN=return] files", ONE),
    "a module that is not installed": case("nosuchmodule [NOTFOUND=return] files dns", ONE),
    "mdns4_minimal": case("files mdns4_minimal [NOTFOUND=return] dns", ONE),
}

FAILING = {"broken.test", "refused.test"}
"""The C library forgets that DNS failed where another source stands behind it; we do not."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """What both resolvers found in each case, name by name."""
    needs.require(needs.lacking_root("give a process another /etc"))
    needs.require(needs.lacking("unshare", "ip"))
    etc = tmp_path_factory.mktemp("etc")
    for name in FILES:
        (etc / name).touch()
    script = SCRIPT.format(etc=etc, files=" ".join(FILES), python=sys.executable)
    ran = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", script],
        input=json.dumps(list(CASES.values())),
        capture_output=True, text=True, timeout=300, cwd=ROOT, check=False,
    )  # fmt: skip
    if ran.returncode == NO_NAMESPACES or "unshare failed" in ran.stderr:
        needs.require(needs.unobtainable(f"namespaces of our own: {ran.stderr.strip()[:200]}"))
    assert ran.returncode == 0, ran.stderr
    return dict(zip(CASES, json.loads(ran.stdout), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_our_resolver_finds_what_the_c_library_finds(
    results: dict[str, list[list[str]]], name: str
) -> None:
    dns_first = CASES[name]["files"]["nsswitch.conf"].endswith("files\n")
    differing = [
        f"{host}: getaddrinfo {theirs}, ours {ours}"
        for host, (theirs, ours) in zip(NAMES, results[name], strict=True)
        if theirs != ours
        and not (host in FAILING and (theirs, ours) == ("missing", "failed") and dns_first)
    ]
    assert differing == []
