"""The durable state as bytes: it reads back, and damage is detected and explained."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from qutrio.codec.stable import decode_state, document_file, encode_state, is_document_name
from qutrio.errors import InvalidDocumentError, UnsupportedVersionError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import NodeId, Revision, Term
from qutrio.model.incidents import Ledger
from qutrio.model.stable import Position, Promise, Record, Stable
from tests.codec.values import values

DOCUMENT = ClusterDocument(cluster_id="k", revision=Revision(1), members=())
RECORD = Record(Position(), DOCUMENT, Ledger())
STABLE = Stable(Promise(Term(3), NodeId("n1")), RECORD, RECORD)


def write(stable: Stable) -> tuple[bytes, dict[str, bytes]]:
    accepted = document_file(stable.accepted.document)
    committed = document_file(stable.committed.document)
    state = encode_state(stable, accepted=accepted.name, committed=committed.name)
    return state, {accepted.name: accepted.content, committed.name: committed.content}


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(values(Stable))
def test_the_state_comes_back(stable: Stable) -> None:
    state, files = write(stable)
    assert all(is_document_name(name) for name in files)
    assert decode_state(state, files.__getitem__, "state.json") == stable


def test_one_changed_byte_anywhere_is_noticed() -> None:
    state, files = write(STABLE)
    for place in range(len(state)):
        damaged = state[:place] + bytes([state[place] ^ 1]) + state[place + 1 :]
        with pytest.raises((InvalidDocumentError, UnsupportedVersionError)):
            decode_state(damaged, files.__getitem__, "state.json")


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b"[]", b'{"format":1}', b"\xff"])
def test_a_torn_state_says_which_file_and_how_to_recover(damage: bytes) -> None:
    with pytest.raises(InvalidDocumentError, match=r"/x/state\.json: .*qutrio enroll join"):
        decode_state(damage, lambda _: b"", "/x/state.json")


def test_a_damaged_document_says_which_file() -> None:
    state, files = write(STABLE)
    name = next(iter(files))
    with pytest.raises(InvalidDocumentError, match=f"{name}: is damaged.*set this node up again"):
        decode_state(state, lambda _: b"{}", "state.json")


def test_a_state_of_a_newer_version_is_not_called_damaged() -> None:
    state, files = write(STABLE)
    newer = orjson.dumps(orjson.loads(state) | {"format": 2})
    with pytest.raises(UnsupportedVersionError, match="newer version"):
        decode_state(newer, files.__getitem__, "state.json")


def test_different_documents_of_one_revision_have_different_names() -> None:
    other = ClusterDocument(cluster_id="other", revision=Revision(1), members=())
    assert document_file(other).name != document_file(DOCUMENT).name


def test_a_name_cannot_lead_out_of_the_folder() -> None:
    state = encode_state(STABLE, accepted="../../etc/passwd", committed="../../etc/passwd")
    with pytest.raises(InvalidDocumentError, match="odd name"):
        decode_state(state, lambda _: b"", "state.json")
