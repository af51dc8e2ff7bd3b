"""`Run`: everything that is known of a run, as plain values, without a word on how to show it.

This is also the object that `alexprof report --json` prints and that `run.json` holds; docs/json.md
explains each field. Fields whose name is taken in Python are renamed (`pass_` is "pass").
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from alexprof.record.ablation import Ablation
from alexprof.record.environment import Device, Machine, Software
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.timed import Stretch
from alexprof.record.values import Key, Seconds, Time
from alexprof.record.workload import Layer, Published, Setting

AnyRun = TypeVar("AnyRun", bound="Run")
SCHEMA_VERSION = 2
UNFINISHED = Note("unfinished")
"""What stopped a run, or pairs of processes, until their end is known. If the run locks its folder,
the note names the machine: on that machine, an unfinished run without its lock was killed."""


class WorkloadRecord(Struct, frozen=True, kw_only=True):
    """What was profiled."""

    name: str  # For example "alexnet"
    settings: dict[str, Setting]  # Options of the command by name, and the workload's own
    published: tuple[Published, ...] = ()  # Published step times


class MachineRecord(Struct, frozen=True):
    """Where it ran."""

    host: Machine  # Processor, memory, system, load
    software: Software  # What ran on it
    accelerators: tuple[Device, ...]  # Devices other than the CPU; empty without a GPU


class Variant(Struct, frozen=True, kw_only=True):
    """One configuration of the workload."""

    label: str  # For sentences: "with LRN"
    build_s: Seconds | None = None  # Time to build its graph, profiled; None if nothing was built
    layers: tuple[Layer, ...] = ()  # The layers that the workload names, in order
    phases: dict[Key, Phase] = field(default_factory=dict)  # By key: "forward", "forward_backward"


class Run(Struct, frozen=True, kw_only=True, dict=True):
    """One invocation: what ran, on what, and what it cost."""

    schema_version: int  # Version of this object
    run: str  # The run's name, which is its folder's; of a trace, the session's or the file's
    complete: bool  # Whether all requested was done; of a trace, whether the profiler lost nothing
    stopped: Note | None  # Why not; None if complete
    started: Time  # Local time with offset, ISO 8601; of a trace, when its file was written
    # What was profiled; None for a graph of your own, and for a trace
    workload: WorkloadRecord | None
    machine: MachineRecord | None  # Where it ran; None for a trace
    # By name, in the order given; of a trace "trace"
    variants: dict[Key, Variant] = field(default_factory=dict)
    ablations: tuple[Ablation, ...] = ()  # What leaving ops out saved, by phase and variant
    stretches: tuple[Stretch, ...] = ()  # Slow steps in a row
    # SHA-256 of each table, hexadecimal; while a table is replaced that of the old and of the new
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    clock_s: Seconds | None = None  # Duration of a reading of the clock; each timed step has two
    notes: tuple[Note, ...] = ()  # What is missing beside the phases

    @property
    def is_trace(self) -> bool:
        """Whether it is a trace alone: nothing was timed around it."""
        return self.machine is None

    @property
    def phase_keys(self) -> tuple[str, ...]:
        """Keys of the phases of all variants, in the order measured."""
        return tuple(dict.fromkeys(key for _, key, _ in self.all_phases()))

    def all_phases(self) -> Iterator[tuple[str, str, Phase]]:
        """Each phase behind the names of its variant and its own."""
        for variant, record in self.variants.items():
            for key, phase in record.phases.items():
                yield variant, key, phase

    def phase(self, variant: str, key: str) -> Phase | None:
        """A variant's phase; None if the run has none."""
        record = self.variants.get(variant)
        return record.phases.get(key) if record else None

    @property
    def place(self) -> Path | None:
        """The run's folder, or a trace's file or folder; None of a run in memory alone."""
        return self.__dict__.get("place")

    def placed(self: AnyRun, place: Path) -> AnyRun:
        """The run with its place, which `run.json` does not hold."""
        run = replace(self)
        run.__dict__["place"] = place.absolute()
        return run
