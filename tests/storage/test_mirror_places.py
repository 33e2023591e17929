"""A cluster.yaml that is not a regular file is left alone, and never waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from qutrio.codec.cluster_yaml import emit
from tests.storage.test_mirror import DOCUMENT, PATIENCE_S, WRITTEN, running

KEPT_BACK = "cluster.yaml cannot be kept up to date"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_secret(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_text("s3cret")
    path.symlink_to(secret)


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.slow
@pytest.mark.parametrize("put", [fifo, link_to_a_secret, dangling_link, folder])
async def test_anything_but_a_regular_file_is_logged_once_and_left_alone(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    path = tmp_path / "cluster.yaml"
    put(path)
    before = path.lstat()
    with trio.fail_after(PATIENCE_S):
        async with running(tmp_path) as node:
            details = await node.log.wait(KEPT_BACK)
            report = node.progress.report()
            assert report is not None
            assert report.reason == details["error"]
            assert str(details["error"]).endswith(
                "cluster.yaml: is not a regular file; move it away"
            )
            node.view.publish(node.view.value)
            path.rename(tmp_path / "moved")
            await node.log.wait(WRITTEN)
            assert path.read_text() == emit(DOCUMENT)
            assert node.progress.report() is None
    assert (tmp_path / "moved").lstat().st_ino == before.st_ino
    assert len(node.log.about(KEPT_BACK)) == 1
    assert not node.refused()
    assert not node.proposals


@pytest.mark.slow
async def test_a_fifo_that_appears_later_does_not_delay_the_end(tmp_path: Path) -> None:
    with trio.fail_after(PATIENCE_S):
        async with running(tmp_path) as node:
            await node.log.wait(WRITTEN)
            node.path.unlink()
            os.mkfifo(node.path)
            await node.log.wait(KEPT_BACK)


@pytest.mark.slow
async def test_a_disk_error_is_logged_once_and_the_write_tried_again(tmp_path: Path) -> None:
    obstacle = tmp_path / ".cluster.yaml.tmp"
    obstacle.mkdir()
    async with running(tmp_path) as node:
        await node.log.wait(KEPT_BACK)
        obstacle.rmdir()
        await node.log.wait(WRITTEN)
        assert node.path.read_text() == emit(DOCUMENT)
    assert len(node.log.about(KEPT_BACK)) == 1
