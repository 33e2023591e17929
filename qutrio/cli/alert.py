"""`qutrio alert`: the channels to which notices are sent."""

from qutrio.cli import alert_add
from qutrio.cli import options as opt
from qutrio.cli.alert_lines import troubles
from qutrio.cli.command_groups import command_group
from qutrio.cli.exits import ExitCode
from qutrio.cli.item_commands import register_edit
from qutrio.cli.printing import clean, print_answer, print_json, print_table
from qutrio.cli.requests import ask, committed
from qutrio.cli.staleness import standing_code, warn_if_stale
from qutrio.codec.channel_fields import CHANNELS

app = command_group("The alert channels: add, list, edit, remove, test.", "alert test ops")
app.add_typer(alert_add.app, name="add")


@app.command("list", epilog="Example: qutrio alert list")
def list_channels(as_json: opt.AsJson = False) -> int:
    """List the alert channels and their delivery problems; secrets are masked.

    Only the master knows when the next attempt is and why the last one failed.
    Ends with 4 when the node holds no quorum or knows no master.
    """
    answer = ask("alert.list")
    channels = answer["channels"]
    if as_json:
        print_json(channels)
    elif channels:
        headings = ("ALERT", "KIND", "USED BY", "STATE", "TARGET")
        print_table(
            headings,
            (
                (
                    c["name"],
                    c["kind"],
                    "every check" if c["default"] else "checks that name it",
                    "enabled" if c["enabled"] else "disabled",
                    c["target"],
                )
                for c in channels
            ),
        )
        for line in troubles(answer):
            print(clean(line))
    else:
        print("no alert channels, so nobody is notified; add one with 'qutrio alert add smtp'")
    warn_if_stale(answer)
    return standing_code(answer)


register_edit(app, "alert", CHANNELS, opt.ChannelName)


@app.command(epilog="Example: qutrio alert remove ops")
def remove(name: opt.ChannelName, as_json: opt.AsJson = False) -> None:
    """Remove an alert channel; notices that wait for it are dropped."""
    committed(f"alert {name} removed", ask("alert.remove", name=name), as_json=as_json)


@app.command("test", epilog="Example: qutrio alert test ops")
def try_out(name: opt.ChannelName, as_json: opt.AsJson = False) -> int:
    """Send one TEST notice from this node, now; ends with 1 when it was not delivered."""
    answer = ask("alert.test", name=name)
    delivered = bool(answer["delivered"])
    if as_json:
        print_answer(answer)
    else:
        outcome = "delivered" if delivered else "NOT delivered"
        detail = f": {answer['detail']}" if answer["detail"] else ""
        print(clean(f"test notice to {answer['name']} {outcome}{detail}"))
    return ExitCode.OK if delivered else ExitCode.ERROR
