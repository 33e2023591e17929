"""Runs the simulator, or tests, on a copy of the package with a deliberate fault."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from attrs import asdict, frozen

from qutrio.model.ids import Seconds
from tests.mutants.mutant import Edit, Mutant
from tests.mutants.targets import PACKAGE, everywhere, places

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
SETTINGS = "pyproject.toml"
SEEDS = Path(__file__).with_name("seeds.py")
HUNT_S_MAX: Seconds = 300.0
"""A fault may make a node loop forever; after this long it counts as not caught."""


class RottenError(Exception):
    """The target of an edit is not defined once, or does not contain the text once."""


@frozen
class Break:
    """The first seed that broke, or a test that failed, and what broke."""

    seed: int
    size: int
    broken: str


@frozen(kw_only=True)
class Hunt:
    """The result of the hunt for one fault."""

    mutant: Mutant
    found: Break | None
    innocent: bool
    """Whether the package without the fault breaks nothing on the same seed."""
    seconds: Seconds

    @property
    def invariant(self) -> str:
        """The number of the invariant that broke, or "raised"; empty if none did."""
        return self.found.broken.partition(":")[0] if self.found is not None else ""

    @property
    def where(self) -> str:
        """The seed on which it broke, or "test"; empty if none did."""
        if self.found is None:
            return ""
        return "test" if self.mutant.tests else str(self.found.seed)

    @property
    def failure(self) -> str | None:
        """Why this fault does not count as caught, or None if it does."""
        if self.found is None:
            tests = " ".join(self.mutant.tests)
            return f"{tests} passed" if tests else f"none of {self.mutant.within} seeds broke"
        if not self.innocent:
            return f"{self.where} breaks without the fault too: {self.found.broken}"
        if self.invariant not in self.mutant.caught_by:
            return f"expected one of {self.mutant.caught_by}, but {self.found.broken}"
        return None


def mutated(mutant: Mutant) -> dict[str, str]:
    """Return the source of each file with the fault in it, by path below the package.

    Raises `RottenError` if an edit does not apply.
    """
    sources: dict[str, str] = {}
    for edit in mutant.edits:
        try:
            _replace(edit, sources)
        except RottenError as error:
            raise RottenError(f"{mutant.name}: {error}") from None
    return sources


def _replace(edit: Edit, sources: dict[str, str]) -> None:
    """Apply an edit to its file, after those already in `sources`."""
    found = everywhere(edit.target)
    files = ", ".join(place.file for place in found)
    if not found:
        raise RottenError(f"nothing in the package is named {edit.target}; name what has the text")
    if len(found) > 1:
        raise RottenError(f"{edit.target} is in {files}; put the module's name before it")
    file = found[0].file
    source = sources.get(file) or (PACKAGE / file).read_text(encoding="utf-8")
    (place,) = places(edit.target, source, file)  # an earlier edit may have moved it
    lines = source.splitlines(keepends=True)
    text = "".join(lines[place.start : place.stop])
    if text.count(edit.old) != 1:
        times = f"{text.count(edit.old)} times"
        raise RottenError(f"{edit.target} in {file} has {edit.old!r} {times}, not once")
    new = text.replace(edit.old, edit.new)
    sources[file] = "".join([*lines[: place.start], new, *lines[place.stop :]])


def hunt(mutant: Mutant) -> Hunt:
    """Play the mutant's seeds until one breaks, and then that seed without the fault."""
    began = perf_counter()
    with tempfile.TemporaryDirectory(prefix="qutrio-mutant-") as home:
        package = Path(home) / PACKAGE.name
        shutil.copytree(PACKAGE, package)
        for file, source in mutated(mutant).items():
            (package / file).write_text(source, encoding="utf-8")
        if mutant.tests:
            shutil.copytree(TESTS, Path(home) / TESTS.name)
            shutil.copy(ROOT / SETTINGS, home)
            found = first_failed(mutant, Path(home))
        else:
            found = first_broken(mutant, package, range(1, mutant.within + 1))
    innocent = True
    if found is not None and mutant.tests:
        innocent = first_failed(mutant, ROOT) is None
    elif found is not None:
        innocent = first_broken(mutant, PACKAGE, range(found.seed, found.seed + 1)) is None
    seconds = perf_counter() - began
    return Hunt(mutant=mutant, found=found, innocent=innocent, seconds=seconds)


def first_broken(mutant: Mutant, package: Path, seeds: range) -> Break | None:
    """Return the first of these seeds that breaks with a package, or None."""
    faults = asdict(mutant.faults) if mutant.faults is not None else None
    words = [
        *(sys.executable, "-P", str(SEEDS), "--package", str(package)),
        *("--first", str(seeds.start), "--seeds", str(len(seeds))),
        *("--sizes", *map(str, mutant.sizes)),
        *("--faulty", str(mutant.faulty_s), "--healing", str(mutant.healing_s)),
        *("--faults", json.dumps(faults), "--engine", mutant.engine),
    ]
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    try:
        told = subprocess.run(
            words,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=HUNT_S_MAX,
        )
    except subprocess.TimeoutExpired:
        return None
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    return Break(**found) if found is not None else None


def first_failed(mutant: Mutant, home: Path) -> Break | None:
    """Return the first of the mutant's tests that fails with the package in a folder."""
    options = ("-q", "-x", "--tb=no", "--no-header", "-p", "no:cacheprovider")
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *mutant.tests],
        env={**os.environ, "PYTHONPATH": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=HUNT_S_MAX,
    )
    assert told.returncode in {0, 1}, told.stdout + told.stderr
    failed = (line for line in told.stdout.splitlines() if line.startswith("FAILED"))
    name = next(failed, None)
    return Break(seed=0, size=0, broken=f"test: {name}") if name is not None else None
