"""`qutrio init`: sets up a data directory with a new key and a cluster of one node."""

from qutrio.cli import options as opt
from qutrio.cli.command_groups import verb
from qutrio.cli.directories import data_directory, serve_command, set_up
from qutrio.cli.printing import print_fields, print_json
from qutrio.storage.node_file import load_node_file

app = verb()


@app.command(epilog="Example: qutrio init --name a --advertise 192.0.2.1:9901")
def init(
    *,
    name: opt.NodeName = None,
    advertise: opt.Advertise = None,
    bind: opt.Bind = None,
    port: opt.Port = None,
    directory: opt.Directory = None,
    as_json: opt.AsJson = False,
) -> None:
    """Set up this node: its keys, its node.yaml, and a cluster with this node as only member."""
    place = data_directory(directory)
    identity = set_up(place, name=name, advertise=advertise, bind=bind, port=port)
    node = load_node_file(place)
    start = serve_command(directory)
    if as_json:
        shown = {"node_id": identity.node_id, "name": node.name, "advertise": node.advertise}
        where = {"directory": str(place.root), "fingerprint": identity.fingerprint}
        print_json({**shown, **where, "start": start})
        return
    print_fields(
        [
            ("node", f"{node.name} ({identity.node_id})"),
            ("fingerprint", identity.fingerprint),
            ("advertise", node.advertise),
            ("directory", place.root),
        ]
    )
    print(f"\nStart it with '{start}'; or join a cluster first: 'qutrio enroll join TOKEN'.")
