"""What else went on while a phase was measured."""

from __future__ import annotations

from dataclasses import dataclass

TICKS_S = 0.05
"""Processor time by which others may seem to run anyway: /proc/stat counts whole ticks (10 ms)."""


@dataclass(frozen=True)
class GpuState:
    """One GPU at a moment; None: not known.

    Attributes:
        index: Its number.
        clock_mhz: Clock of its multiprocessors.
        clock_max_mhz: The highest clock that it allows.
        memory_clock_mhz: Clock of its memory.
        temperature_c: Degrees Celsius.
        slowed_by: Why its clocks are below the highest: "power cap", "thermal (hardware)", …
    """

    index: int
    clock_mhz: float | None
    clock_max_mhz: float | None
    memory_clock_mhz: float | None
    temperature_c: float | None
    slowed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interference:
    """Other activity between two readings just before and after some steps; None: not known.

    Attributes:
        seconds: Time between the readings.
        cores: Logical cores that this process may use; the next fields are about these alone.
        cpu_own: Cores that this process kept busy: 0.5 is one core half of the time.
        cpu_others: Cores that others kept busy.
        steal: Cores that the host of a virtual machine gave to others.
        cpu_stalled: Fraction of the time in which some thread of the machine waited for a core.
        memory_stalled: Fraction of the time in which some thread waited for memory.
        throttled: Seconds per second, over all cores, for which the group's quota stopped threads.
        involuntary_switches_per_s: How often per second a thread of this process lost its core.
        major_page_faults: How often this process waited for a page from disk.
        collections: How often Python's garbage collector ran.
        collecting_s: Time that it took.
        cpu_mhz_before: Mean clock of the cores before.
        cpu_mhz_after: Mean clock of the cores after.
        gpus_before: The GPUs before.
        gpus_after: The GPUs after.
    """

    seconds: float
    cores: int
    cpu_own: float | None = None
    cpu_others: float | None = None
    steal: float | None = None
    cpu_stalled: float | None = None
    memory_stalled: float | None = None
    throttled: float | None = None
    involuntary_switches_per_s: float | None = None
    major_page_faults: int | None = None
    collections: int | None = None
    collecting_s: float | None = None
    cpu_mhz_before: float | None = None
    cpu_mhz_after: float | None = None
    gpus_before: tuple[GpuState, ...] = ()
    gpus_after: tuple[GpuState, ...] = ()

    @property
    def others_part(self) -> float:
        """Part of the cores that others had and this process may have wanted; 0 if not known.

        Beyond what ticks can make up, and as far as this process used what others left: on many
        cores that are mostly idle others are in nobody's way.
        """
        if self.cpu_others is None or self.seconds <= 0:
            return 0.0
        part = max(0.0, self.cpu_others - TICKS_S / self.seconds) / self.cores
        left = self.cores - self.cpu_others - (self.steal or 0.0)
        used = 1.0 if self.cpu_own is None or left <= self.cpu_own else self.cpu_own / left
        return part * used

    @property
    def steal_part(self) -> float:
        """Part of the cores that the host took, beyond what ticks can make up; 0 if not known."""
        if self.steal is None or self.seconds <= 0:
            return 0.0
        return max(0.0, self.steal - TICKS_S / self.seconds) / self.cores

    @property
    def lost_part(self) -> float:
        """Part of the cores that others had: programs, other machines on the host, a quota."""
        throttled = (self.throttled or 0.0) / self.cores
        return min(1.0, self.others_part + self.steal_part + throttled)
