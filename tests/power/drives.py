"""A drive that can lose power: file systems in images, copied as a power cut leaves them.

Three file systems lie in one another.  A *volume* is what a node has for its data directory; its
image lies on the *drive*, and the image of that on the *ground*.

    node -> volume (ext4, commit=300) -> drive (ext4) -> ground (ext4) -> a file of the test

Whatever the volume's kernel code hands to its block device arrives in the page cache of the drive;
only a flush, which an fsync ends with, brings it to the ground.  So there are two ways to copy:

* `SUBMITTED`: the volumes' images as the drive has them.  This is a disk without a cache of its
  own: all that was submitted is there, and nothing that was only in the page cache of the volume.
* `FLUSHED`: the drive's image as the ground has it.  This is a disk with a volatile cache: what
  was submitted and not flushed is lost, or any part of it is there, in any order.

A copy takes milliseconds, and must not show the beginning of the image at one moment and its end
at another: no disk ever held that.  So the file system that *holds* the image is frozen (FIFREEZE)
while it is copied.  That makes writes to the image wait, in the kernel, wherever they are, in the
middle of an fsync too; it flushes nothing of what the image contains.  The node runs on, until it
waits for its disk.  That the copy is of one moment is proved each time: the file system check
finds nothing to mend after the journal was replayed.
"""

import ctypes
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path

from attrs import frozen

from tests import needs
from tests.cluster.waiting import wait_for

CLONE_NEWNS = 0x00020000
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
"""From linux/fs.h: stop and go on with writing to a file system."""

MIB = 1024 * 1024
VOLUME_BYTES = 16 * MIB
JOURNAL_MIB = 4
SPARE_BYTES = 24 * MIB
"""What a file system needs beside the images in it."""

MOUNT = "loop,commit=300"
"""The kernel writes nothing by itself for five minutes: what is there was asked for."""

UNMOUNT_S_MAX = 20.0
PROGRAMS = ("mkfs.ext4", "e2fsck", "mount", "ip", "nsenter", "unshare")


class Cut(Enum):
    """Which data a disk keeps when the power is cut."""

    SUBMITTED = "what was submitted"
    FLUSHED = "what was flushed"


@frozen
class Drive:
    """A drive with volumes, each mounted where its node expects its data directory."""

    ground: Path
    inner: Path
    volumes: int

    def lose_power(self, cut: Cut, into: Path) -> None:
        """Copy to `into` what this drive would keep if the power was cut now."""
        into.mkdir()
        held = self.inner if cut is Cut.SUBMITTED else self.ground
        with frozen_writes(held):
            for image in held.glob("*.img"):
                shutil.copyfile(image, into / image.name)


def own_mounts() -> None:
    """Hide the mounts of this thread and its children from all other processes.

    A program that is started in a mount namespace of its own takes a copy of every mount along,
    and while it runs, what is mounted on an image keeps the file system below it in use.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    _run("mount", "--make-rprivate", "/")


@contextmanager
def drive(home: Path, places: Sequence[Path]) -> Iterator[Drive]:
    """Make a drive below `home` with a volume at each of `places`."""
    made = Drive(home / "ground", home / "drive", len(places))
    drive_bytes = len(places) * VOLUME_BYTES + SPARE_BYTES
    with ExitStack() as stack:
        stack.enter_context(_made(home / "ground.img", made.ground, drive_bytes + SPARE_BYTES))
        stack.enter_context(_made(made.ground / "drive.img", made.inner, drive_bytes))
        for number, place in enumerate(places):
            image = made.inner / _volume(number)
            stack.enter_context(_made(image, place, VOLUME_BYTES))
        yield made


@contextmanager
def power_returns(cut: Cut, copied: Path, places: Sequence[Path]) -> Iterator[None]:
    """Mount the volumes of a copy at `places`; check the file systems at the end."""
    with ExitStack() as stack:
        images = copied
        if cut is Cut.FLUSHED:
            images = copied / "drive"
            stack.enter_context(_mounted(copied / "drive.img", images))
        for number, place in enumerate(places):
            image = images / _volume(number)
            stack.callback(_require_sound, image)
            stack.enter_context(_mounted(image, place))
        yield


@contextmanager
def frozen_writes(place: Path) -> Iterator[None]:
    """Make every write to the file system at `place` wait."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, FIFREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(descriptor, FITHAW, 0)
    finally:
        os.close(descriptor)


def why_not_here(home: Path) -> str:
    """Return why no drive can be made on this machine, or "" if it can."""
    if reason := needs.lacking_root("mount") or needs.lacking(*PROGRAMS):
        return reason
    try:
        own_mounts()
        with drive(home, [home / "volume"]) as trial, frozen_writes(trial.inner):
            return ""
    except (subprocess.CalledProcessError, OSError) as error:
        return f"no loop mount, or no freezing, here: {error}"


@contextmanager
def _made(image: Path, place: Path, size: int) -> Iterator[None]:
    """Make an image of `size` bytes, all of them allocated, with a file system; mount it."""
    with image.open("wb") as file:
        for _ in range(size // MIB):
            file.write(bytes(MIB))
    layout = ["-b", "4096", "-J", f"size={JOURNAL_MIB}"]
    _run("mkfs.ext4", "-q", "-F", *layout, str(image))
    with _mounted(image, place):
        yield


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    _run("mount", "-t", "ext4", "-o", MOUNT, str(image), str(place))
    try:
        yield
    finally:
        wait_for(f"{place} is unmounted", lambda: _unmounts(place), UNMOUNT_S_MAX)


def _unmounts(place: Path) -> bool:
    """Try to unmount; a process that was just killed may hold a file for a short time."""
    return subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode == 0


def _require_sound(image: Path) -> None:
    found = subprocess.run(
        ["e2fsck", "-f", "-n", str(image)], check=False, capture_output=True, text=True
    )
    assert found.returncode == 0, f"the copy was not of one moment: {found.stdout}"


def _volume(number: int) -> str:
    return f"volume{number}.img"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
