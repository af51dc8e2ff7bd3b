from __future__ import annotations

import gc
import mmap
import time
from dataclasses import replace

import pytest

from alexprof.measure.loop import timed_blocks
from alexprof.measure.monitor import (
    Reading,
    between,
    faults_per_step,
    monitor,
    page_faults,
    read_system,
)
from alexprof.measure.timed import describe
from tests.clock import FakeClock

STAT = """cpu  900 0 100 5000 10 0 0 50 0 0
cpu0 500 10 90 2500 5 2 8 40 7 0
cpu1 400 20 10 2500 5 0 0 10 0 0
cpu77 9999 0 0 0 0 0 0 999 0 0
intr 12345
ctxt 678
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A system of two usable cores, and one that this process may not use."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr("os.sysconf", lambda _: 100)
    pressure = "some avg10=0.00 avg60=1.50 avg300=0.44 total={}\nfull avg10=0.00 total=7\n"
    for path, text in {
        "proc/stat": STAT,
        "proc/pressure/cpu": pressure.format(2_500_000),
        "proc/pressure/memory": pressure.format(40_000),
        "proc/self/cgroup": "0::/user.slice/app\n",
        "sys/fs/cgroup/user.slice/app/cpu.stat": "usage_usec 9\nthrottled_usec 300000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "3400000\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "2600000\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_counters_are_read_from_the_system_s_files(tree):
    reading = read_system(tree)
    counters = reading.counters
    # user + nice + system + irq + softirq of cpu0 and cpu1, in ticks of 10 ms.
    assert counters["cpu_busy"] == pytest.approx((500 + 10 + 90 + 2 + 8 + 400 + 20 + 10) / 100)
    assert counters["steal"] == pytest.approx((40 + 10) / 100)
    assert (counters["cpu_stalled"], counters["memory_stalled"]) == (2.5, 0.04)
    assert counters["throttled"] == pytest.approx(0.3)
    assert reading.mhz == pytest.approx(3000)


def test_a_control_group_of_version_1_counts_in_nanoseconds(tree):
    (tree / "proc/self/cgroup").write_text("3:cpuset:/\n1:cpu,cpuacct:/docker/abc\n0::/\n")
    # A container sees its own group at the top, whatever its path says.
    (tree / "sys/fs/cgroup/cpu").mkdir()
    (tree / "sys/fs/cgroup/cpu/cpu.stat").write_text("nr_periods 5\nthrottled_time 1500000000\n")
    assert read_system(tree).counters["throttled"] == pytest.approx(1.5)


def test_what_the_system_does_not_tell_is_none(tmp_path):
    reading = read_system(tmp_path)
    own = {"cpu_own", "involuntary_switches_per_s", "major_page_faults"}
    assert (set(reading.counters), reading.mhz) == (own, None)
    nothing = between(Reading(1.0), Reading(3.0), 4)
    assert (nothing.seconds, nothing.cores, nothing.cpu_others) == (2.0, 4, None)
    assert (nothing.major_page_faults, nothing.memory_stalled) == (None, None)
    assert nothing.others_part == 0


def test_files_that_make_no_sense_are_passed_over(tree):
    (tree / "proc/stat").write_text("cpu0 1 2\ncpux 1\n\n")
    (tree / "proc/pressure/cpu").write_text("some total=\nnothing\n")
    (tree / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("<unknown>\n")
    reading = read_system(tree)
    assert not {"cpu_busy", "steal", "cpu_stalled"} & set(reading.counters)
    assert reading.mhz == 2600


def test_rates_are_what_grew_over_the_time_between():
    counters = {
        **{"cpu_busy": (100.0, 107.0), "steal": (1.0, 1.2), "cpu_own": (50.0, 55.0)},
        **{"cpu_stalled": (2.0, 3.0), "memory_stalled": (0.5, 0.5), "throttled": (0.0, 0.4)},
        **{"involuntary_switches_per_s": (1000, 1040), "major_page_faults": (3, 5)},
    }
    first, last = ({name: counts[i] for name, counts in counters.items()} for i in (0, 1))
    before, after = Reading(10.0, first, 3400.0), Reading(14.0, last, 3000.0)
    interference = between(before, after, 2)
    assert interference.seconds == 4
    assert interference.cpu_own == pytest.approx(5 / 4)
    assert interference.cpu_others == pytest.approx((7 - 5) / 4)
    assert interference.steal == pytest.approx(0.05)
    assert (interference.cpu_stalled, interference.memory_stalled) == (0.25, 0)
    assert interference.throttled == pytest.approx(0.1)
    assert (interference.involuntary_switches_per_s, interference.major_page_faults) == (10, 2)
    assert (interference.cpu_mhz_before, interference.cpu_mhz_after) == (3400, 3000)
    # Ticks are whole: of 0.05 s others may have had nothing.
    beyond_ticks = (0.5 - 0.05 / 4) / 2
    # Others left 2 − 0.5 − 0.05 cores, and this process used 1.25 of them.
    assert interference.others_part == pytest.approx(beyond_ticks * 1.25 / 1.45)
    assert replace(interference, cpu_own=1.5).others_part == pytest.approx(beyond_ticks)
    assert replace(interference, cpu_own=None).others_part == pytest.approx(beyond_ticks)
    fewer = between(before, replace(after, counters={**last, "cpu_busy": 104.9}), 2)
    assert fewer.cpu_others == 0


def test_nothing_is_read_between_the_steps_of_a_phase():
    clock = FakeClock(reading_ns=7)
    log: list[str] = []

    def takes(name, value):
        def read():
            log.append(name)
            clock.now_ns += 10**9
            return value

        return read

    def step():
        log.append("step")
        clock.now_ns += 100

    readings = {"read": takes("read", Reading(0.0)), "gpus": takes("gpus", ())}
    with monitor(**readings):
        blocks = list(timed_blocks({"A": step}, 6, 2, block_steps=3, clock=clock))
    assert log == ["gpus", "read", *["step"] * 8, "read", "gpus"]
    gaps = {gap for block in blocks for gap in block.start_ns[1:] - block.end_ns[:-1]}
    assert gaps == {7}


def test_garbage_collections_are_counted_and_timed():
    before = list(gc.callbacks)
    with monitor() as monitored:  # this system is read without an error
        start = time.perf_counter()
        gc.disable()  # none of its own accord beside these
        gc.collect()
        gc.collect()
        gc.enable()
        took = time.perf_counter() - start
    assert monitored.interference is not None
    assert monitored.interference.collections == 2
    assert 0 < monitored.interference.collecting_s <= took <= monitored.interference.seconds
    assert gc.callbacks == before
    with pytest.raises(ZeroDivisionError), monitor(gpus=tuple) as monitored:
        raise ZeroDivisionError
    assert gc.callbacks == before
    assert monitored.interference is None


def test_what_others_had_is_programs_the_host_and_a_quota_and_never_more_than_all():
    counters = {"cpu_busy": 1900.0, "steal": 100.0, "cpu_own": 1500.0}
    interference = between(Reading(0.0, dict.fromkeys(counters, 0.0)), Reading(1000.0, counters), 2)
    ticks = 0.05 / 1000
    # Others left 2 − 0.4 − 0.1 cores and this process used them all.
    lost = (0.4 - ticks) / 2 + (0.1 - ticks) / 2
    assert interference.lost_part == pytest.approx(lost)
    assert replace(interference, throttled=0.2).lost_part == pytest.approx(lost + 0.1)
    assert replace(interference, throttled=5.0).lost_part == 1


def test_touching_fresh_pages_counts():
    before = page_faults()
    pages = 256
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as fresh:
        # Huge pages would make one fault of them.
        fresh.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(pages):
            fresh[page * mmap.PAGESIZE] = 1
    assert page_faults() - before >= pages


def test_a_count_that_is_not_known_leaves_the_mean_unknown():
    assert faults_per_step([10, 20], 4) == 7.5
    assert faults_per_step([10, None], 4) is None
    assert faults_per_step([], 0) is None


def test_faults_are_those_of_timed_steps_over_their_number(monkeypatch):
    # Before and after each block: warm-up, 2 steps, 2 steps, 1 step.
    counts = iter([0, 1000, 1000, 1004, 1050, 1054, 1054, 1056])
    for module in ("loop", "monitor"):  # before a block and after it
        monkeypatch.setattr(f"alexprof.measure.{module}.page_faults", lambda: next(counts))
    blocks = timed_blocks({"A": lambda: None}, steps=5, burn_in=1, block_steps=2)
    assert describe(blocks, fetch=True).page_faults_per_step == pytest.approx(10 / 5)
