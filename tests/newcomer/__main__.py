"""README's two commands as a newcomer runs them: in a Debian 12 with python3 and nothing else.

    python -m tests.newcomer --busy 8

makes a root file system with debootstrap where there is none yet, copies into it what git would
commit, and runs the commands there, as root, each in a fresh copy, with the machine's network and
a view of its own of mounts and processes.  Whatever this machine needs to reach its package
registries is handed in with `--give` (a file or a folder, to the same place) and `--env`.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parents[2]
COMMANDS = ("demo", "tests")
"""What stands before the fenced block of each command in README.md, as a comment."""

RELEASE = "bookworm"
ROOT = PROJECT / ".nox" / RELEASE
PACKAGES = "python3,python3-venv,ca-certificates"
PLACE = "root/qutrio"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
PROGRAMS = ("debootstrap", "unshare", "chroot", "git")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUSY = "while True: pass"


def main() -> int:
    """Run the commands that were asked for; return 0 when each of them did."""
    options = _options()
    if problem := _problem():
        print(f"tests.newcomer: {problem}", file=sys.stderr)
        return 2
    root: Path = options.root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    _make(root, options.mirror)
    for given in options.give:
        _give(Path(given).resolve(), root)
    failed = 0
    with _busy(options.busy):
        for name in options.only or COMMANDS:
            command = command_of(name, (PROJECT / "README.md").read_text(encoding="utf-8"))
            _copy_project(root / PLACE)
            print(f"\n== {name}, beside {options.busy} busy loops\n{command}\n", flush=True)
            begun = time.monotonic()
            ended = _run(root, command, options.env)
            took = time.monotonic() - begun
            print(f"== {name} ended with {ended} after {took:.0f} s", flush=True)
            failed += ended != 0
    return 1 if failed else 0


def command_of(name: str, readme: str) -> str:
    """Return the shell command that README.md marks with `<!-- name -->`."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert found is not None, f"README.md marks no command as {name}"
    return found[1].strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.newcomer", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--root", type=Path, default=ROOT, help="the file system, made if need be [.nox/bookworm]")
    add("--mirror", default="", help="where debootstrap gets its packages [its own default]")
    add("--give", action="append", default=[], metavar="PATH", help="copied into the root; repeat")
    add("--env", action="append", default=[], metavar="NAME", help="passed on; repeat")
    add("--only", action="append", choices=COMMANDS, help="one of the commands [both]")
    add("--busy", type=int, default=0, metavar="N", help="loops that keep the processor busy [0]")
    return parser.parse_args()


def _problem() -> str:
    """Return why this user cannot make a root file system, or "" if it can."""
    if os.geteuid() != 0:
        return "only root can make a root file system"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"needs {', '.join(absent)}" if absent else ""


def _make(root: Path, mirror: str) -> None:
    if (root / "usr/bin/python3").exists():
        return
    bootstrap = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", RELEASE, str(root)]
    subprocess.run(bootstrap + ([mirror] if mirror else []), check=True)


def _give(given: Path, root: Path) -> None:
    """Copy a file, or all files of a folder, to the same place in the root."""
    for file in [given] if given.is_file() else sorted(given.rglob("*")):
        if file.is_file():
            place = root / file.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)


def _copy_project(place: Path) -> None:
    """Put what git would commit at `place`, which is emptied first."""
    shutil.rmtree(place, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (PROJECT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, place / name)


def _run(root: Path, command: str, passed: Sequence[str]) -> int:
    """Run a command in the root file system as a login of root would; return its exit code."""
    kept = [f"{name}={os.environ[name]}" for name in passed if name in os.environ]
    inside = shlex.join(["env", "-i", f"PATH={PATH}", "HOME=/root", "TERM=dumb", *kept])
    place = shlex.quote(f"cd /{PLACE} && {command}")
    script = f"{_prepare(root)}\nexec chroot . {inside} bash -euo pipefail -c {place}"
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    return subprocess.run([*apart, "sh", "-euc", script], check=False).returncode


def _prepare(root: Path) -> str:
    """Return a script that mounts what programs expect in the root; only its children see it."""
    devices = " ".join(DEVICES)
    return f"""
mount --make-rprivate /
cd {shlex.quote(str(root))}
cp /etc/resolv.conf etc/resolv.conf
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
for device in {devices}; do
  touch dev/$device
  mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
"""


@contextmanager
def _busy(number: int) -> Iterator[None]:
    """Keep the processor busy with so many loops until the block ends."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


if __name__ == "__main__":
    sys.exit(main())
