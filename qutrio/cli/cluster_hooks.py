"""`qutrio cluster hooks`: what this node runs when it gains or loses the role, and the results."""

import shlex

from qutrio.cli.options import AsJson
from qutrio.cli.printing import print_answer, print_fields, print_table, utc_time
from qutrio.cli.requests import ask


def hooks(as_json: AsJson = False) -> None:
    """Show this node's hooks (`hooks:` in node.yaml), and how their last runs ended."""
    answer = ask("hooks.show")
    if as_json:
        print_answer(answer)
        return
    if not answer["gain"] and not answer["loss"]:
        print("this node has no hooks; see 'hooks' of node.yaml in the reference")
        return
    fields = [(event, shlex.join(answer[event]) or "-") for event in ("gain", "loss")]
    print_fields([*fields, ("timeout", f"{answer['timeout_s']:g}s")])
    if answer["running"]:
        print(f"the {answer['running']} hook is running")
    rows = (
        (run["event"], run["term"], utc_time(run["at_unix"]), f"{run['took_s']:.1f}s", run["how"])
        for run in reversed(answer["runs"])
    )
    print_table(("EVENT", "TERM", "BEGAN", "TOOK", "ENDED"), rows)
