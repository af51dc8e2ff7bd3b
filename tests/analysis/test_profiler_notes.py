from __future__ import annotations

import pytest

from alexprof.analysis.findings import findings_of
from alexprof.record.note import Note
from alexprof.tracer.traces import load_trace, profiler_notes
from alexprof.xplane import parse_trace
from tests.attribute.hand import draw, steps
from tests.traces import TraceBuilder

DROPPED = (
    "Detected GPU events dropped on vm: Profiler has collected 2097152 driver events and 2097153 "
    "device events. 7 events dropped because of total device(activity) events reaches max."
)
SUBSCRIBE = "function cupti_interface_->Subscribe( &subscriber_)failed with error "


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        (DROPPED, "profiler_events_dropped"),
        (f"{SUBSCRIBE}CUPTI_ERROR_INSUFFICIENT_PRIVILEGES", "profiler_no_privileges"),
        (
            f"{SUBSCRIBE}CUPTI could not be loaded or symbol could not be found.",
            "profiler_no_cupti",
        ),
        (f"{SUBSCRIBE}CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED", "profiler_in_use"),
        ("the moon is\n full.", "profiler_warning"),
    ],
)
def test_what_the_profiler_says_is_sorted_by_what_can_be_done(sentence, code):
    trace = TraceBuilder()
    trace.warning(sentence)
    (note,) = profiler_notes(parse_trace(trace.to_bytes()))
    assert note == Note(code, text=" ".join(sentence.split()).rstrip("."))


def test_a_trace_that_lost_events_is_incomplete_and_says_why(tmp_path):
    trace = TraceBuilder()
    draw(trace.plane("/host:CPU"), {"python": steps((0, 100)), "tf_1": [("a:MatMul", 10, 60)]})
    trace.warning(DROPPED)
    trace.error(f"{SUBSCRIBE}CUPTI_ERROR_INSUFFICIENT_PRIVILEGES")
    run = load_trace(trace.write(tmp_path / "vm.xplane.pb"))
    assert not run.complete
    notes = run.variants["trace"].phases["trace"].notes
    assert [note.code for note in notes[:2]] == [
        "profiler_no_privileges",
        "profiler_events_dropped",
    ]
    assert run.stopped == notes[0]
    assert [finding.severity for finding in findings_of(run)[:2]] == [5, 5]
