"""All checks, one session each: `nox -l` lists them, `nox -s tests` runs one."""

from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "arch", "tests", "docs"]
nox.options.reuse_existing_virtualenvs = True
PURE = "qutrio/core/*,qutrio/model/*"
BENCHMARKS = sorted(Path("benchmarks").glob("[!_]*.py"))


def prepare(session: nox.Session, group: str) -> None:
    """Install the project, editable, with one of its dependency groups."""
    session.run("python", "-m", "pip", "install", "--quiet", "--upgrade", "pip")
    session.install("--editable", ".", "--group", group)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style: ruff's rules and its formatter."""
    prepare(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types: mypy, strict, on the program and its tests."""
    prepare(session, "lint")
    session.run("mypy")


@nox.session
def arch(session: nox.Session) -> None:
    """Check the architecture: the layers and the other contracts of ARCHITECTURE.md."""
    prepare(session, "lint")
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, and ask for full branch coverage of the decisions."""
    prepare(session, "test")
    session.run("python", "-m", "pytest", "--cov", "--cov-report=", *session.posargs)
    session.run("coverage", "report", f"--include={PURE}", "--fail-under=100")


@nox.session(venv_backend="none")
def debian(session: nox.Session) -> None:
    """Run README's two commands in a Debian 12 with python3 alone, as root: see --help."""
    session.run("python3", "-m", "tests.newcomer", *session.posargs)


@nox.session
def sim(session: nox.Session) -> None:
    """Play many seeds in the simulated cluster: `nox -s sim -- --seeds 1000`."""
    prepare(session, "test")
    session.run("python", "-m", "qutrio.sim", *session.posargs)


@nox.session
def reached(session: nox.Session) -> None:
    """See which faults and error branches seeds reach: `nox -s reached -- --seeds 1000`."""
    prepare(session, "test")
    session.run("python", "-m", "tests.sim.reached", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Put faults into the program and check that each is caught: `nox -s mutants`."""
    prepare(session, "test")
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """Cut the power at 100 random instants, as root: `nox -s power -- --instants 500`."""
    prepare(session, "test")
    often = session.posargs or ["--instants", "100"]
    patient = ["-o", "faulthandler_timeout=3600"]
    session.run("python", "-m", "pytest", "tests/power", "-s", *patient, *often)


@nox.session
def chaos(session: nox.Session) -> None:
    """Cause faults in five real nodes, as root: `nox -s chaos -- --minutes 30 --seed 7`."""
    prepare(session, "test")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session
def year(session: nox.Session) -> None:
    """Simulate a year of a cluster with churn, or `nox -s year -- --days 30`."""
    prepare(session, "test")
    long = session.posargs or ["--days", "365"]
    patient = ["-o", "faulthandler_timeout=36000"]
    session.run("python", "-m", "pytest", "tests/sim/test_growth.py", "-s", *patient, *long)


@nox.session
def bench(session: nox.Session) -> None:
    """Run every benchmark, or those named: `nox -s bench -- nodes`."""
    prepare(session, "test")
    for path in BENCHMARKS:
        if not session.posargs or path.stem in session.posargs:
            session.run("python", str(path))


@nox.session
def docs(session: nox.Session) -> None:
    """Check the documentation: every link leads somewhere, every shown command exists."""
    prepare(session, "test")
    session.run("python", "-m", "pytest", "tests/test_docs.py", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build a wheel and a source distribution in dist/, and start the wheel."""
    session.install("build")
    session.run("python", "-m", "build")
    (wheel,) = sorted(Path("dist").glob("qutrio-*.whl"))[-1:]
    session.install("--force-reinstall", str(wheel))
    session.run("qutrio", "--version")
