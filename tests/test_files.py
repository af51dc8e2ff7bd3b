from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from alexprof.errors import RunError
from alexprof.files import check_new_folder, check_writable, whole_file, write_whole, writing


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_keeps_the_old_content_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as temporary:
        temporary.write_bytes(b"half of the new co")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_content_reaches_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    path, order = tmp_path / "file", []
    monkeypatch.setattr(os, "fsync", lambda _: order.append(path.exists()))
    write_whole(path, b"content")
    assert order == [False, True]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        *((errno.ENOSPC, "no space left.*--log"), (errno.EACCES, "no permission.*--log")),
        *((errno.EROFS, "read-only.*--log"), (errno.EIO, os.strerror(errno.EIO))),
    ],
)
def test_the_system_s_refusals_name_the_file_and_a_way_out(tmp_path, number, advice):
    with pytest.raises(RunError, match=advice) as caught, writing(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "file") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_a_folder_that_takes_no_files_is_named_for_that():
    with pytest.raises(RunError, match=r"can't write /proc.*: (nothing can be made|no perm).*--lo"):
        check_writable(Path("/proc"))


def test_too_little_space_is_said_before_work_begins(tmp_path, monkeypatch):
    check_writable(tmp_path)
    monkeypatch.setattr("alexprof.files.RUN_NEEDS_BYTES", 2**62)
    with pytest.raises(RunError, match="free space, a run may need"):
        check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(RunError) as caught:
        check_new_folder(tmp_path / os.fsdecode(b"\xff"))
    assert caught.value.code == "name_not_text"
