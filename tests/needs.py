"""What tests need from the machine besides Python: without it a test skips with a reason.

Whoever has all of it sets `QUTRIO_NO_SKIPS=1`, as `.ci/run` does: then every skip is a failure,
so that no test sleeps for years because a package has another name.  Only what cannot be had by
installing something, such as a module of the kernel, may still be missing (`unobtainable`).
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
NO_SKIPS = "QUTRIO_NO_SKIPS"
UNOBTAINABLE = "cannot be had here: "
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian puts servers; a user's own PATH leaves these out."""

PACKAGES = {
    "chromium": "chromium",
    "curl": "curl",
    "e2fsck": "e2fsprogs",
    "faketime": "faketime",
    "git": "git",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "nats-server": "nats-server",
    "nft": "nftables",
    "nginx": "nginx-light",
    "nsd": "nsd",
    "strace": "strace",
    "systemd-analyze": "systemd",
    "systemd-sysusers": "systemd",
    "systemd-tmpfiles": "systemd",
    "tc": "iproute2",
    "tmux": "tmux",
    "unbound": "unbound",
}
"""Programs whose Debian package is called otherwise, or that only some tests use."""


def where(name: str) -> str | None:
    """Return the path of a program, also in the folders of root; None if it is missing."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), *SYSTEM_FOLDERS]
    return shutil.which(name, path=os.pathsep.join(folders))


def lacking(*names: str) -> str:
    """Return which of these programs this machine lacks, as a reason to skip; "" if none."""
    absent = [name for name in names if where(name) is None]
    packages = dict.fromkeys(PACKAGES.get(name, name) for name in absent)
    if not absent:
        return ""
    return f"needs {', '.join(absent)} (apt install {' '.join(packages)})"


def lacking_root(why: str) -> str:
    """Return "" for root, else that only root can do this, as a reason to skip."""
    return "" if os.geteuid() == 0 else f"only root can {why}"


def lacking_file(pattern: str, package: str) -> str:
    """Return "" if a file below /usr/lib matches, else which package has it."""
    found = any(Path("/usr/lib").glob(pattern))
    return "" if found else f"needs /usr/lib/{pattern} (apt install {package})"


def lacking_hosts() -> str:
    """Return "" if this machine's hosts file knows `localhost`, else that it does not."""
    file = Path("/etc/hosts")
    known = file.is_file() and "localhost" in file.read_text(encoding="utf-8").split()
    return "" if known else "needs localhost in /etc/hosts, which this machine lacks"


def has_route(address: str) -> bool:
    """Return True if this machine has a route to an IPv6 address; nothing is sent."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True


def lacking_history(commit: str) -> str:
    """Return "" if a commit is in this checkout's history, else a reason that it is missing."""
    if reason := lacking("git"):
        return reason
    command = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False)
    return "" if found.returncode == 0 else f"needs commit {commit}, and this is no full clone"


def program(*names: str) -> pytest.MarkDecorator:
    """Mark a test that runs these programs."""
    return because(lacking(*names))


def root(why: str) -> pytest.MarkDecorator:
    """Mark a test that only root can run; `why` completes "only root can ..."."""
    return because(lacking_root(why))


def because(reason: str) -> pytest.MarkDecorator:
    """Mark a test that skips for this reason, unless it is empty."""
    return pytest.mark.skipif(bool(reason), reason=reason or "nothing is missing")


def require(reason: str) -> None:
    """Skip now, in a fixture or a test, for this reason; go on if it is empty.

    Not in an async test, whose runner loses the reason: `because` is for these.
    """
    if reason:
        pytest.skip(reason)


def unobtainable(reason: str) -> str:
    """Return a reason that may skip a test in CI too; "" stays ""."""
    return UNOBTAINABLE + reason if reason else ""


def may_skip(reason: str) -> bool:
    """Return True if a test may skip for this reason in this run."""
    return os.environ.get(NO_SKIPS, "") in {"", "0"} or UNOBTAINABLE in reason
