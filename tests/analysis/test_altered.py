"""Odd and damaged records lead to a result or an `AlexProfError`, nothing else."""

from __future__ import annotations

import json

import msgspec
import pytest

from alexprof.record.note import Note
from alexprof.record.store import RUN_FILE
from tests.analysis.alterations import answers, bases_in, failures, scale, try_all
from tests.factory import with_fields
from tests.show import runs

SEED, COUNT = 20261127, 4


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    return bases_in(tmp_path_factory.mktemp("altered") / "logdir")


def test_altered_records_are_answered_or_refused(bases):
    altered, other = bases
    assert try_all(altered, other, SEED, COUNT) == {}


@pytest.mark.parametrize("factor", [0, 1e-12, 1e6])
@pytest.mark.parametrize("name", ["compared", "alexnet", "gpu", "one_step", "two_gpus"])
def test_steps_that_take_no_time_or_days(bases, factor, name):
    altered, other = bases
    record = json.loads((altered[name] / RUN_FILE).read_text())
    scale(record, factor)
    assert failures(altered[name], other, record) == []


NOTES = (
    Note("added_later", {"x": 1.0}, text="{0}"),
    Note("{names}{0}"),
    Note("gpu_slowed"),
    Note("outside_waits"),
    Note("stopped"),
    Note("trace_withheld", {"text": 1.0, "names": 2.0}),
)


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.code)
def test_a_note_that_lacks_its_figures_or_is_unknown(note):
    run = with_fields(runs.alexnet(), notes=(note,))
    run = msgspec.structs.replace(run, complete=False, stopped=note)
    for answer in answers(run):
        answer()
