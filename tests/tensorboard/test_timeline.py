"""The timeline's bytes hold the step's events, and its route refuses what isn't there."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from alexprof.analysis.timelines import load_timeline
from alexprof.errors import RunError
from alexprof.record.store import load_run
from alexprof.tensorboard.timeline import encode_step
from alexprof.tracer.importing import import_trace
from tests.tensorboard.examples import Served
from tests.trace_runs import write_trace


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("timeline")
    trace = write_trace(place / "vm.xplane.pb", steps=4)
    import_trace(str(trace), logdir=place / "logdir", name="run")
    return place / "logdir" / "run"


def decode(content):
    """The head and the columns, as the page reads them."""
    length = int.from_bytes(content[:4], "little")
    head = json.loads(content[4 : 4 + length])
    start = 4 + length
    assert start % 8 == 0
    columns = {
        column["name"]: np.frombuffer(
            content, f"<{column['type']}", column["length"], start + column["offset"]
        )
        for column in head["columns"]
    }
    return head, columns


def test_what_is_decoded_is_the_step(folder):
    timeline = load_timeline(load_run(folder), "trace", "trace")
    for place in range(4):
        step = timeline.of_step(place)
        head, columns = decode(encode_step(timeline, place, {"conv1"}))
        assert head["wall_ps"] == timeline.wall_ps[place]
        assert columns["start_ps"].tolist() == step.start_ps.tolist()
        assert columns["end_ps"].tolist() == step.end_ps.tolist()
        assert columns["share_ps"] == pytest.approx(step.share_ps)
        names = [head["ops"][op]["name"] for op in columns["op"]]
        assert names == [timeline.ops[op].name for op in step.op]
        lanes = [head["lanes"][lane]["name"] for lane in columns["lane"]]
        assert lanes == [timeline.lanes[lane].name for lane in step.lane]
        assert columns["critical"].tolist() == [name == "conv1" for name in names]


def test_shares_and_idle_time_are_the_step(folder):
    run = load_run(folder)
    timeline = load_timeline(run, "trace", "trace")
    recorded = run.phase("trace", "trace").attribution.timeline
    assert timeline.share_ps.sum() / 1000 == pytest.approx(recorded.share_ns, rel=1e-6)
    assert timeline.wall_ps.sum() / 1000 == pytest.approx(recorded.wall_ns)


def test_the_route_answers_with_a_step(folder):
    served = Served(folder.parent)
    answer = served.open("alexprof/data/timeline", query_string={"run": "run", "step": "3"})
    assert answer.status_code == 200
    assert len(decode(answer.data)[0]["steps"]) == 4
    answer = served.open("alexprof/data/timeline", query_string={"run": "run", "step": "4"})
    assert answer.status_code == 400


def test_a_trace_that_is_gone_or_another_one_is_refused_in_words(folder, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    (trace,) = copy.rglob("*.xplane.pb")
    write_trace(trace, steps=5)
    with pytest.raises(RunError, match="other steps"):
        load_timeline(load_run(copy), "trace", "trace")
    trace.unlink()
    with pytest.raises(RunError, match="no trace"):
        load_timeline(load_run(copy), "trace", "trace")
    answer = Served(tmp_path).open("alexprof/data/timeline", query_string={"run": "run"})
    assert answer.status_code == 500
    assert "no trace" in answer.json["error"]
