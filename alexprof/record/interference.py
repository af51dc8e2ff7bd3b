"""What else went on while a phase was measured."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.record.values import Amount, Count, Number, Positive, Seconds

TICKS_S = 0.05
"""Processor time by which others may seem to run anyway: /proc/stat counts whole ticks (10 ms)."""


@dataclass(frozen=True)
class GpuState:
    """One GPU at a moment; None: not known."""

    index: Count  # As nvidia-smi numbers it
    clock_mhz: Amount | None  # Clock of its multiprocessors
    clock_max_mhz: Amount | None  # The highest clock that it allows
    memory_clock_mhz: Amount | None  # Clock of its memory
    temperature_c: Number | None  # Degrees Celsius
    # Why its clocks are below the highest: "power cap", "thermal (hardware)", …
    slowed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Interference:
    """Other activity between two readings just before and after some steps; None: not known."""

    seconds: Seconds  # Time between the readings
    # Logical cores that this process may use; the next fields are about these alone
    cores: Positive
    # Cores that this process kept busy: 0.5 is one core half of the time
    cpu_own: Number | None = None
    cpu_others: Number | None = None  # Cores that others kept busy
    steal: Number | None = None  # Cores that the host of a virtual machine gave to others
    # Fraction of the time in which some thread of the machine waited for a core
    cpu_stalled: Number | None = None
    # Fraction of the time in which some thread waited for memory
    memory_stalled: Number | None = None
    # Seconds per second, over all cores, for which the group's quota stopped threads
    throttled: Number | None = None
    # How often per second a thread of this process lost its core
    involuntary_switches_per_s: Number | None = None
    major_page_faults: Count | None = None  # How often this process waited for a page from disk
    collections: Count | None = None  # How often Python's garbage collector ran
    collecting_s: Seconds | None = None  # Time that this took
    cpu_mhz_before: Amount | None = None  # Mean clock of the cores before
    cpu_mhz_after: Amount | None = None  # Mean clock of the cores after
    gpus_before: tuple[GpuState, ...] = ()  # State of each GPU before
    gpus_after: tuple[GpuState, ...] = ()  # State of each GPU after

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
