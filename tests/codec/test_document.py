"""Equal documents are equal bytes, and fields of a newer version are kept."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from qutrio.codec.document import digest, from_json, to_json
from qutrio.errors import InvalidDocumentError
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Revision
from tests.codec.values import documents

EMPTY = ClusterDocument(cluster_id="k", revision=Revision(1), members=())


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(documents)
def test_a_document_comes_back_and_its_bytes_stay_the_same(document: ClusterDocument) -> None:
    data = to_json(document)
    again = from_json(data)
    assert again == document
    assert to_json(again) == data


def test_the_order_of_keys_does_not_change_the_digest() -> None:
    data = orjson.loads(to_json(EMPTY))
    turned = orjson.dumps(dict(reversed(data.items())))
    assert digest(from_json(turned)) == digest(EMPTY)


def test_fields_of_a_newer_version_come_out_again() -> None:
    data = orjson.loads(to_json(EMPTY)) | {"colour": {"b": [1, None], "a": "x"}, "extra": 1}
    document = from_json(orjson.dumps(data))
    assert document.extra == (("colour", '{"a":"x","b":[1,null]}'), ("extra", "1"))
    assert orjson.loads(to_json(document)) == data


def test_a_field_nested_too_deeply_is_refused_rather_than_kept() -> None:
    data = to_json(EMPTY)[:-1] + b',"deep":' + b"[" * 200 + b"]" * 200 + b"}"
    with pytest.raises(InvalidDocumentError, match="levels deep"):
        from_json(data)


def test_an_error_names_its_source() -> None:
    with pytest.raises(InvalidDocumentError, match=r"backup.json: .*'members' is missing"):
        from_json(b'{"cluster_id":"k","revision":1}', "backup.json")
