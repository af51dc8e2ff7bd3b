from __future__ import annotations

import pytest

from alexprof.measure import machine


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A container that may use a megabyte, on a machine of two gigabytes."""
    meminfo = "MemTotal:  2000000 kB\nMemFree:  5 kB\nMemAvailable:  1000000 kB\n"
    stat = "anon 5\ninactive_file 100\nactive_file 50\nslab 3\n"
    files = {"meminfo": meminfo, "memory.max": "1000000\n", "memory.current": "900000\n"}
    for name, text in {**files, "memory.stat": stat}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    return tmp_path


def test_a_container_has_what_its_limit_leaves_and_cached_files(group):
    assert machine.describe_machine().memory_bytes == 1_000_000
    assert machine.available_memory_bytes() == 1_000_000 - 900_000 + 150


def test_without_a_limit_the_machine_s_memory_counts(group):
    (group / "memory.max").write_text("max\n")
    assert machine.describe_machine().memory_bytes == 2_000_000 * 1024
    assert machine.available_memory_bytes() == 1_000_000 * 1024


def test_a_system_that_says_nothing(group):
    for path in group.iterdir():
        path.unlink()
    assert machine.describe_machine().memory_bytes is None
    assert machine.available_memory_bytes() is None
