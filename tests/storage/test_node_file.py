"""node.yaml is read, or one sentence says why not."""

import os
from pathlib import Path

import pytest

from qutrio.errors import DataDirectoryError, QutrioError
from qutrio.storage.directories import DataDirectory
from qutrio.storage.node_file import load_node_file


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def refusal(directory: DataDirectory) -> str:
    with pytest.raises(QutrioError) as caught:
        load_node_file(directory)
    told = str(caught.value)
    assert "Errno" not in told
    assert "codec" not in told
    return told


def test_bytes_that_are_not_text_are_refused_with_a_sentence(directory: DataDirectory) -> None:
    directory.node_file.write_bytes(b"name: \xff\xfe")
    assert "node.yaml is not UTF-8 text" in refusal(directory)


def test_a_folder_in_its_place_is_refused_with_a_sentence(directory: DataDirectory) -> None:
    directory.node_file.mkdir()
    assert "cannot read" in refusal(directory)
    assert "node.yaml: is not a regular file" in refusal(directory)


def test_a_fifo_in_its_place_is_not_waited_for(directory: DataDirectory) -> None:
    os.mkfifo(directory.node_file)
    assert "is not a regular file" in refusal(directory)


def test_a_link_to_a_file_elsewhere_is_followed(directory: DataDirectory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "managed.yaml"
    elsewhere.write_text("node_id: n1\nname: a\nadvertise: h:1\n")
    directory.node_file.symlink_to(elsewhere)
    assert load_node_file(directory).name == "a"


def test_an_empty_directory_names_init(directory: DataDirectory) -> None:
    with pytest.raises(DataDirectoryError, match="qutrio init"):
        load_node_file(directory)


def test_other_files_of_a_node_without_it_name_the_missing_file(directory: DataDirectory) -> None:
    directory.cluster_file.touch()
    assert "node.yaml is missing" in refusal(directory)
    assert "qutrio init" not in refusal(directory)
