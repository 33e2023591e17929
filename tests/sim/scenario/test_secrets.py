"""Nothing that a played scenario prints or draws holds a secret, of a cluster or of a sentence."""

import json
from pathlib import Path

import pytest

from qutrio.cli.app import main
from qutrio.codec.cluster_yaml import emit
from qutrio.codec.plain import channel_from_plain, check_from_plain
from qutrio.codec.plain_fields import FIELDS
from qutrio.model.checks import HttpCheck
from qutrio.model.document import Settings
from qutrio.sim.scenario.problems import SECRET_FIELDS, without_secrets
from qutrio.sim.scenario.setup import found
from tests.secrets.planted import CHANNELS, CHECKS, SECRET
from tests.sim.scenario.stories import written

TIMELINE = f"""at 10s: target basic fails
at 60s: target basic recovers
at 80s: edit check basic body={SECRET},{SECRET} url=https://h/p?{SECRET}
at 81s: edit check basic body_regex=(?P<{SECRET}
at 90s: add check new url=https://h/?k={SECRET} bearer_token={SECRET}"""
EXPECT = f"""by 50s: paged basic down
by 100s: edit check basic body={SECRET},{SECRET} url=https://h/p?{SECRET} is acknowledged"""


def cluster(folder: Path) -> None:
    document = found(
        ["alpha", "bravo", "charlie"],
        [check_from_plain({**c, "id": f"c{n}"}, "x") for n, c in enumerate(CHECKS)],
        [channel_from_plain({**c, "id": f"a{n}"}, "x") for n, c in enumerate(CHANNELS)],
        Settings(),
    )
    (folder / "cluster.yaml").write_text(emit(document))


@pytest.mark.parametrize("bad", [False, True], ids=["played", "refused"])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_story_of_a_cluster_full_of_secrets_tells_none(
    bad: bool, as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster(tmp_path)
    lines = TIMELINE.splitlines()
    timeline = "\n".join(line for line in lines if bad or "regex" not in line)
    file = tmp_path / "story.yaml"
    file.write_text(written(timeline, EXPECT, "cluster: cluster.yaml"))
    drawing = tmp_path / "story.svg"
    code = main(["sim", str(file), "--svg", str(drawing), *(["--json"] if as_json else [])])
    said = capsys.readouterr()
    assert code == (2 if bad else 0), said
    assert SECRET not in said.out + said.err
    assert "url=https://h/" in said.out or bad
    if not bad:
        assert SECRET not in drawing.read_text()
        assert not as_json or json.loads(said.out)


def test_every_field_that_may_hold_a_secret_is_masked_in_a_sentence() -> None:
    assert {f.name for f in FIELDS[HttpCheck] if f.mask is not None} <= SECRET_FIELDS
    for name in SECRET_FIELDS - {"url"}:
        told = without_secrets(f"'edit check web {name}={SECRET} , {SECRET} retries=2 via a'")
        assert told == f"'edit check web {name}=******** retries=2 via a'"
    assert without_secrets("edit check web my_body=x interval=2s") == (
        "edit check web my_body=x interval=2s"
    )
