"""Writes a run as it happens: after each phase everything that is finished is on disk."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from alexprof.capture.failures import reason
from alexprof.capture.target import Target
from alexprof.errors import AlexProfError, RunError, UsageError
from alexprof.files import check_new_folder, lock, make_folder, unlock, whole_folder, writing
from alexprof.measure.loop import Block, clock_cost_s
from alexprof.record.ablation import Ablation
from alexprof.record.note import Note, note_of
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, costs_table, save_tables
from alexprof.record.phase import Phase
from alexprof.record.program import TensorFingerprint
from alexprof.record.run import (
    SCHEMA_VERSION,
    UNFINISHED,
    MachineRecord,
    Variant,
    WorkloadRecord,
)
from alexprof.record.store import RUN_FILE, load_run, save_run
from alexprof.tensorboard.run_events import VariantFiles
from alexprof.tracer.graphs import serialized
from alexprof.tracer.repair import unfinished_here, with_events
from alexprof.tracer.run import Run
from alexprof.tracer.steps import steps_table

if TYPE_CHECKING:
    import polars as pl

    from alexprof.attribute import Attribution
    from alexprof.record.timed import Stretch


class Recorder:
    """The run so far, in memory and on disk."""

    def __init__(
        self, folder: Path, machine: MachineRecord, workload: WorkloadRecord | None
    ) -> None:
        self.folder = folder
        self.attributions: dict[tuple[str, str], Attribution] = {}  # by variant and phase
        self.blocks: dict[str, list[Block]] = {}  # of each phase, in the order they ran
        self._owner = (0, 0)
        self._lock: int | None = None  # An unfinished run whose folder isn't locked was killed
        self._identity = (0, 0)  # The folder's
        self._unsure = False  # Whether a table on disk may differ from the one in memory
        self._files: dict[str, VariantFiles] = {}
        self.run = Run(
            schema_version=SCHEMA_VERSION,
            run=folder.name,
            complete=False,
            stopped=UNFINISHED,
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
            workload=workload,
            machine=machine,
            clock_s=clock_cost_s(),
        )

    @property
    def is_forked(self) -> bool:
        """Whether this is another process than the one that opened the run."""
        return os.getpid() != self._owner[0]

    def check_owner(self) -> None:
        """Raises a `UsageError` in another process or thread than the one that opened the run."""
        if self._owner != (os.getpid(), threading.get_ident()):
            raise UsageError(
                f"the run {self.folder} was opened by another process or thread: only that one can "
                "write it"
            )

    @property
    def costs(self) -> dict[tuple[str, str], pl.DataFrame]:
        """The table of costs of each variant and phase that has a trace."""
        return {place: attribution.costs for place, attribution in self.attributions.items()}

    def open(self) -> None:
        """Makes the run's folder.

        Raises:
            RunError: If it exists, or can't be written.
        """
        self._owner = os.getpid(), threading.get_ident()
        check_new_folder(self.folder)
        try:
            with whole_folder(self.folder) as part:
                self._claim(part)
                save_run(part, self.run)
        except BaseException:
            self._release()
            raise

    def _claim(self, folder: Path) -> None:
        """Locks the folder if possible, so that others see that the run is still going."""
        self._release()
        self._lock, self._identity = lock(folder), _identity(folder)
        stopped = UNFINISHED if self._lock is None else unfinished_here()
        self.run = replace(self.run, stopped=stopped)

    def _release(self) -> None:
        unlock(self._lock)
        self._lock = None

    def _check_folder(self) -> None:
        """Makes the folder again if it was removed; a `RunError` if another run has taken it."""
        if not os.path.lexists(self.folder):
            make_folder(self.folder)
        elif _identity(self.folder) == self._identity:
            return
        elif (self.folder / RUN_FILE).exists():
            raise RunError(
                f"{self.folder} was removed during the run, and now belongs to another run: "
                "measure again",
                code="folder_replaced",
                names=(str(self.folder),),
            )
        self._claim(self.folder)

    def close(self, error: BaseException | None) -> None:
        """Marks the run complete, or records what stopped it, and writes its event files.

        Raises:
            RunError: If the record can't be written, or files of the run were removed.
        """
        stopped = None if error is None else _what_stopped(error)
        if stopped is None and not self.run.phase_keys:
            stopped = Note("nothing_timed")
        try:
            self._check_folder()
            removed = self._removed()
            if removed:
                stopped = stopped or Note("files_removed", names=removed)
            if removed or self._unsure:
                self._write_again()
            self.run = replace(self.run, complete=stopped is None, stopped=stopped)
            try:
                self.run = with_events(self.run.placed(self.folder), self._files)
            finally:
                save_run(self.folder, self.run)
        finally:
            self._release()
        if removed:
            raise RunError(
                f"{', '.join(removed)} of {self.folder} were removed during the run: the tables "
                "were written again, but traces are lost",
                code="files_removed",
                names=removed,
            )

    def _removed(self) -> tuple[str, ...]:
        """The files that the record names but that are missing."""
        traced = [phase.traced for _, _, phase in self.run.all_phases()]
        names = [*self.run.tables, *(trace.file for trace in traced if trace and trace.file)]
        return tuple(name for name in names if not (self.folder / name).exists())

    def _write_again(self) -> None:
        """Writes the tables from memory, where possible; empty ones are left out."""
        tables: dict[str, pl.DataFrame] = {}
        if self.blocks:
            tables[STEPS_FILE] = steps_table(self.blocks, self.attributions)
        if self.attributions:
            tables[COSTS_FILE] = costs_table(self.costs)
        with suppress(RunError, OSError):
            self._write(tables)
            for name in self.run.tables.keys() - tables.keys():
                (self.folder / name).unlink(missing_ok=True)
            kept = {name: self.run.tables[name] for name in tables}
            self.run = replace(self.run, tables=kept)

    def add_note(self, note: Note) -> None:
        """Adds a note about the whole run; it is written with the next phase."""
        self.run = replace(self.run, notes=(*self.run.notes, note))

    def add_graph(self, variant: str, record: Variant, graph: bytes | None) -> None:
        """Adds a variant whose graph is built."""
        self._files[variant] = VariantFiles(graph)
        self.set_variant(variant, record)

    def set_variant(self, variant: str, record: Variant) -> None:
        """Replaces a variant's record; it reaches the disk with the next phase."""
        variants = {**self.run.variants, variant: record}
        self.run = replace(self.run, variants=variants)

    def _save(self, **changes: object) -> None:
        """Changes fields of the record and writes it."""
        self._check_folder()
        self.run = replace(self.run, **changes)
        save_run(self.folder, self.run)

    def _write(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Writes tables; their checksums are written with the next change of the record."""
        self._check_folder()
        try:
            self.run = save_tables(self.folder, self.run, tables)
        except RunError:
            self._unsure = True
            with suppress(AlexProfError):  # the record on disk has the old and the new checksums
                written = load_run(self.folder).tables
                self.run = replace(self.run, tables=written)
            raise

    def set_phase(self, variant: str, key: str, phase: Phase) -> None:
        """Replaces a phase's record; it reaches the disk with the next part of the run."""
        old = self.run.variants[variant]
        self.set_variant(variant, replace(old, phases={**old.phases, key: phase}))

    def add_timed(
        self, key: str, blocks: Sequence[Block], phases: Mapping[str, Phase], slow: list[Stretch]
    ) -> None:
        """Writes a phase that was timed, before its trace is taken.

        Args:
            key: The phase.
            blocks: What ran, in order.
            phases: Each variant's record of it.
            slow: The phase's stretches of slow steps, those of blocks written before included.

        Raises:
            RunError: If it can't be written.
        """
        all_blocks = {**self.blocks, key: [*self.blocks.get(key, ()), *blocks]}
        # The table first: the record never has a phase that the table lacks.
        self._write({STEPS_FILE: steps_table(all_blocks, self.attributions)})
        self.blocks = all_blocks
        others = [stretch for stretch in self.run.stretches if stretch.phase != key]
        for variant, phase in phases.items():
            self.set_phase(variant, key, phase)
        self._save(stretches=(*others, *slow))

    def add_traced(
        self, variant: str, key: str, phase: Phase, attribution: Attribution, run_metadata: bytes
    ) -> None:
        """Writes the costs from a phase's trace.

        Raises:
            RunError: If they can't be written; the record is then unchanged.
            ClosureError: If the shares of a step do not add up to it.
        """
        attributions = {**self.attributions, (variant, key): attribution}
        costs = {place: traced.costs for place, traced in attributions.items()}
        self._write(
            {COSTS_FILE: costs_table(costs), STEPS_FILE: steps_table(self.blocks, attributions)}
        )
        before = self.run
        self.set_phase(variant, key, phase)
        self._note_onednn(phase)
        try:
            self._save()
        except RunError:  # a record without the trace may still fit
            self.run, self._unsure = before, True
            raise
        self.attributions = attributions
        if run_metadata:
            self._files[variant].run_metadata[key] = run_metadata

    def add_results(
        self, variant: str, key: str, results: tuple[TensorFingerprint, ...] | Note
    ) -> None:
        """Adds the results of a phase, or why they are not known.

        If they can't be written now, they are written with the next phase.
        """
        phase = self.run.variants[variant].phases[key]
        if isinstance(results, Note):
            phase = replace(phase, notes=(*phase.notes, results))
        else:
            phase = replace(phase, fingerprint=results)
        self.set_phase(variant, key, phase)
        with suppress(RunError):
            self._save()

    def forget_empty(self, variants: Sequence[str]) -> None:
        """Forgets those of the variants that have no phase."""
        kept = {
            name: record
            for name, record in self.run.variants.items()
            if name not in variants or record.phases
        }
        self.run = replace(self.run, variants=kept)

    def keep_graph(self, variant: str, target: Target) -> None:
        """Keeps the graph of a target for TensorBoard, where the variant has none of its own."""
        files = self._files[variant]
        if files.graph is not None:
            return
        # The times are what counts: a graph that can't be had is no reason to lose them.
        with suppress(Exception):
            graph = target.graph()
            files.graph = None if graph is None else serialized(graph)

    def add_ablations(self, ablations: Sequence[Ablation]) -> None:
        """Adds measured ablations; if they can't be written now, the next phase writes them."""
        with suppress(RunError):
            self._save(ablations=(*self.run.ablations, *ablations))

    def _note_onednn(self, phase: Phase) -> None:
        """Notes oneDNN if one of its ops ran; if none did that shows nothing: a GPU needs none."""
        machine = self.run.machine
        assert machine is not None
        if not any(op.type.startswith("_Mkl") for op in phase.ops):
            return
        software = dataclasses.replace(machine.software, onednn=True)
        self.run = replace(self.run, machine=replace(machine, software=software))


def _identity(folder: Path) -> tuple[int, int]:
    """Identifies a folder: renaming keeps this, and a new folder of the same name differs."""
    with writing(folder):
        status = folder.stat()
    return status.st_dev, status.st_ino


def _what_stopped(error: BaseException) -> Note:
    """Why a run is incomplete, by what ended it."""
    if isinstance(error, KeyboardInterrupt):
        return Note("ended_by_signal" if error.args else "interrupted")
    if isinstance(error, AlexProfError):
        return note_of(error)
    return Note("failed", text=reason(error))
