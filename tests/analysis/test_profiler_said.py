from __future__ import annotations

import pytest

from alexprof.analysis.profiler_said import with_way_out
from alexprof.analysis.traces import load_trace
from tests.attribute.hand import draw, steps
from tests.traces import TraceBuilder

DROPPED = (
    "Detected GPU events dropped on vm: Profiler has collected 2097152 driver events and 2097153 "
    "device events. 7 events dropped because of total device(activity) events reaches max."
)
SUBSCRIBE = "function cupti_interface_->Subscribe( &subscriber_)failed with error "


@pytest.mark.parametrize(
    ("sentence", "way_out"),
    [
        (DROPPED, "trace fewer steps"),
        (f"{SUBSCRIBE}CUPTI_ERROR_INSUFFICIENT_PRIVILEGES", "RestrictProfilingToAdminUsers=0"),
        (f"{SUBSCRIBE}CUPTI could not be loaded or symbol could not be found.", "LD_LIBRARY_PATH"),
        (f"{SUBSCRIBE}CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED", "stop it"),
    ],
)
def test_known_sentences_get_a_way_out(sentence, way_out):
    said = with_way_out(sentence)
    assert said.startswith(sentence.rstrip("."))
    assert way_out in said


def test_others_are_said_as_they_are():
    assert with_way_out("the moon is\n full.") == "the moon is full"


def test_a_trace_that_lost_events_is_incomplete_and_says_why(tmp_path):
    trace = TraceBuilder()
    draw(trace.plane("/host:CPU"), {"python": steps((0, 100)), "tf_1": [("a:MatMul", 10, 60)]})
    trace.warning(DROPPED)
    trace.error(f"{SUBSCRIBE}CUPTI_ERROR_INSUFFICIENT_PRIVILEGES")
    run = load_trace(trace.write(tmp_path / "vm.xplane.pb"))
    assert not run.complete
    notes = " ".join(run.variants["trace"].phases["trace"].notes)
    assert "trace fewer steps" in notes
    assert "--cap-add=SYS_ADMIN" in notes
    assert "--cap-add=SYS_ADMIN" in str(run.stopped)
