"""`qutrio check`: the checks."""

import sys
from typing import Annotated, Any

import typer

from qutrio.cli import check_add
from qutrio.cli import options as opt
from qutrio.cli.check_lines import print_causes, print_checks, print_evidence
from qutrio.cli.command_groups import command_group
from qutrio.cli.exits import ExitCode
from qutrio.cli.item_commands import register_edit
from qutrio.cli.printing import (
    clean,
    edited_words,
    plain_value,
    print_answer,
    print_fields,
    print_json,
)
from qutrio.cli.requests import ask, committed
from qutrio.cli.staleness import heard_text, mark, standing_code, warn_if_stale
from qutrio.codec.check_fields import CHECKS

app = command_group(
    "The checks: add, list, show, edit, remove, enable, disable, test.", "check list"
)
app.add_typer(check_add.app, name="add")


@app.command("list", epilog="Example: qutrio check list --json")
def list_checks(as_json: opt.AsJson = False) -> int:
    """List all checks with their state; with --json also their configuration.

    Ends with 4 when the node holds no quorum or knows no master.
    """
    answer = ask("check.list", config=as_json)
    if as_json:
        print_json(answer["checks"])
    elif answer["checks"]:
        print_checks(answer["checks"], answer["now_unix"], mark(answer))
        print_causes(answer["checks"], answer["now_unix"])
    else:
        print("no checks; add one with 'qutrio check add http NAME URL'")
    warn_if_stale(answer)
    return standing_code(answer)


@app.command(epilog="Example: qutrio check show web")
def show(
    name: opt.CheckName,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Show secrets, such as headers, without masks.")
    ] = False,
    as_json: opt.AsJson = False,
) -> int:
    """Show a check's configuration and every node's latest result; secrets are masked.

    Ends with 4 when the node holds no quorum or knows no master.
    """
    answer = ask("check.show", name=name, secrets=secrets)
    if as_json:
        shown = (
            "check",
            "last_change",
            "status",
            "warnings",
            "stale",
            "removed",
            "quorum",
            "master",
        )
        print_json({field: answer[field] for field in shown if field in answer})
    else:
        _show(answer)
    warn_if_stale(answer)
    return standing_code(answer)


def _show(answer: dict[str, Any]) -> None:
    print_fields((field, plain_value(value)) for field, value in answer["check"].items())
    if edit := answer.get("last_change"):
        print(clean(f"last changed {edited_words(edit)}"))
    for warning in answer.get("warnings", ()):
        print(f"! {clean(warning)}")
    status = answer["status"]
    if status is None:
        return
    print()
    print_checks([status], answer["now_unix"], mark(answer))
    print_causes([status], answer["now_unix"])
    if status["state"] == "up":
        print_evidence(status["evidence"])


register_edit(app, "check", CHECKS, opt.CheckName, without={"enabled"})


@app.command(epilog="Example: qutrio check remove web")
def remove(name: opt.CheckName, as_json: opt.AsJson = False) -> None:
    """Stop watching, and delete the check."""
    committed(f"check {name} removed", ask("check.remove", name=name), as_json=as_json)


@app.command(epilog="Example: qutrio check enable web")
def enable(name: opt.CheckName, as_json: opt.AsJson = False) -> None:
    """Watch a disabled check again."""
    committed(f"check {name} enabled", ask("check.enable", name=name), as_json=as_json)


@app.command(epilog="Example: qutrio check disable web")
def disable(name: opt.CheckName, as_json: opt.AsJson = False) -> None:
    """Stop watching, and keep the check for later."""
    committed(f"check {name} disabled", ask("check.disable", name=name), as_json=as_json)


@app.command("test", epilog="Example: qutrio check test web")
def probe_now(name: opt.CheckName, as_json: opt.AsJson = False) -> int:
    """Have every node probe now, and show each result.

    Ends with 6 when the target fails, with 4 when no majority could be asked, and with 1 when
    there was no verdict.
    """
    answer = ask("check.test", name=name)
    if as_json:
        print_answer(answer)
    else:
        print(f"{clean(answer['name'])} is {answer['state'].upper()}: {clean(answer['target'])}")
        print_evidence(answer["evidence"])
        for silent in answer["silent"]:
            print(f"  {clean(silent)}  did not answer in time")
    return _verdict(answer)


def _verdict(answer: dict[str, Any]) -> ExitCode:
    """Return the exit code; print on stderr why there is no verdict, if there is none."""
    quorum = answer["quorum"]
    if not quorum["holds"]:
        why = heard_text(quorum)
        print(f"qutrio: no majority was asked, so this decides nothing: {why}", file=sys.stderr)
        return ExitCode.NO_MASTER
    codes = {"up": ExitCode.OK, "down": ExitCode.TARGET_FAILING}
    if answer["state"] not in codes:
        print(f"qutrio: {clean(_undecided(answer))}", file=sys.stderr)
    return codes.get(answer["state"], ExitCode.ERROR)


def _undecided(answer: dict[str, Any]) -> str:
    """Return why there is no verdict."""
    votes, silent, need = answer["votes"], answer["silent"], answer["quorum"]["need"]
    cast = votes["ok"] + votes["fail"]
    reasons = dict.fromkeys(e["detail"] for e in answer["evidence"] if e["outcome"] == "abstain")
    parts = [f"{cast} nodes voted, {need} needed"] if cast else ["no node could tell"]
    if reasons:
        parts.append(f"abstained: {'; '.join(reasons)}")
    if silent:
        parts.append(f"silent: {', '.join(silent)}")
    return f"{answer['name']} has no verdict: {'; '.join(parts)}"
