"""Reads and merges cluster.yaml in a process of its own, so that no heartbeat waits for YAML.

One JSON request on standard input, one JSON answer on standard output.
"""

import sys
from functools import partial
from pathlib import Path
from typing import TypeAlias

import orjson
import trio
from attrs import frozen

import qutrio
from qutrio.codec.cluster_yaml import line_of, merge, parse
from qutrio.codec.document import from_json, to_json
from qutrio.errors import QutrioError, plain_reason
from qutrio.model.document import ClusterDocument
from qutrio.model.ids import Seconds

WORKER_S_MAX: Seconds = 300.0
PACKAGE_ROOT = Path(qutrio.__file__).parents[1]
"""The worker imports from here alone, never from where the daemon happened to be started."""


@frozen
class Failure:
    """Why the worker has no result; the words are for a person."""

    reason: str


Request: TypeAlias = dict[str, str]


async def parse_elsewhere(text: str, source: str) -> ClusterDocument | Failure:
    """Return the document that `text` describes; `source` names the file in the reason."""
    answer = await _run({"text": text, "source": source})
    return answer if isinstance(answer, Failure) else from_json(answer.encode())


async def merge_elsewhere(text: str, document: ClusterDocument) -> str | Failure:
    """Return `text` with the values of `document` in it, and its comments kept."""
    return await _run({"text": text, "document": to_json(document).decode()})


async def line_elsewhere(text: str, section: str, item: str, field: str) -> int | Failure:
    """Return the line of a field; see `line_of`."""
    place = {"section": section, "item": item, "field": field}
    answer = await _run({"text": text, **place})
    return answer if isinstance(answer, Failure) else int(answer)


async def _run(request: Request) -> str | Failure:
    run = partial(
        trio.run_process,
        [sys.executable, "-P", "-m", "qutrio.storage.merge_worker"],
        env={"PYTHONPATH": str(PACKAGE_ROOT)},
        stdin=orjson.dumps(request),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    with trio.move_on_after(WORKER_S_MAX):
        try:
            done = await run()
        except OSError as error:
            return Failure(f"no process could be started to read it: {plain_reason(error)}")
        if done.returncode != 0:
            last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            kind = last.partition(":")[0][:200]  # the words after it may quote a secret
            return Failure(f"reading it failed with status {done.returncode}: {kind}")
        return _result(done.stdout)
    return Failure(f"reading it took more than {WORKER_S_MAX:g} s")


def _result(output: bytes) -> str | Failure:
    answer = orjson.loads(output)
    return Failure(answer["error"]) if "error" in answer else str(answer["result"])


def _work(request: Request) -> dict[str, str]:
    try:
        if "document" in request:
            return {"result": merge(request["text"], from_json(request["document"].encode()))}
        if "section" in request:
            return {"result": str(line_of(**request))}
        return {"result": to_json(parse(request["text"], request["source"])).decode()}
    except QutrioError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(_work(orjson.loads(sys.stdin.buffer.read()))))
