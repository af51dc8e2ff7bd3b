"""The dashboard's routes: they answer for the runs of the logdir, and for nothing else."""

from __future__ import annotations

import gzip
import json
import os
import shutil

import msgspec
import polars as pl
import pytest
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext

from alexprof.errors import RunError
from alexprof.export import FORMATS
from alexprof.record.parquet import load_costs
from alexprof.record.store import load_run
from alexprof.show.pages import PAGES
from alexprof.show.palette import DARK, LIGHT
from alexprof.tensorboard import payload
from alexprof.tensorboard.payload import LARGEST_BYTES, Contents, decode, encode, head_of
from alexprof.tracer.importing import import_trace
from tests.tensorboard.examples import Served
from tests.trace_runs import write_trace

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """Two imported runs, the second one newer."""
    folder = tmp_path_factory.mktemp("runs")
    for name, scale, written_s in (("first", 1.0, 1e9), ("second", 1.5, 1.1e9)):
        trace = write_trace(folder / "traces" / f"{name}.xplane.pb", steps=4, scale=scale)
        os.utime(trace, (written_s, written_s))
        import_trace(str(trace), logdir=folder / "logdir", name=name)
    return folder / "logdir"


@pytest.fixture(scope="module")
def served(logdir):
    return Served(logdir)


def get(served, path, **query):
    return served.open(f"alexprof/{path}", query_string=query)


def run_names(served):
    return [run["name"] for run in get(served, "data/runs").json["runs"]]


def test_runs_are_listed_with_their_answer(served, logdir):
    answer = get(served, "data/runs").json
    assert {run["name"] for run in answer["runs"]} == {"first", "second"}
    assert [page["name"] for page in answer["pages"]] == list(PAGES)
    head = answer["runs"][0]["head"]
    assert (head["complete"], head["is_trace"]) == (True, True)
    assert [variant["name"] for variant in head["variants"]] == ["trace"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_a_question_with_blocks(served, page):
    answer = get(served, "data/page", run="first", page=page)
    assert answer.status_code == 200
    assert answer.json["title"].endswith("?")
    assert answer.json["blocks"]


def test_a_row_opens_to_its_ops_and_steps(served):
    blocks = get(served, "data/detail", run="first", key="conv1").json["blocks"]
    (steps,) = [block for block in blocks if block["type"] == "table"]
    assert len(steps["rows"]) == 4
    assert get(served, "data/detail", run="first", key="nothing").status_code == 400


@pytest.mark.parametrize("against", ["second", "second:trace"])
def test_runs_are_compared_with_what_traveled_with_their_summaries(logdir, tmp_path, against):
    shutil.copytree(logdir, tmp_path / "logdir")
    query = {"run": "first", "page": "changed", "against": against}
    served = Served(tmp_path / "logdir")
    expected = get(served, "data/page", **query).json
    (figure,) = [block for block in expected["blocks"] if block["type"] == "figure"]
    (choice,) = [block for block in expected["blocks"] if block["type"] == "choice"]
    assert choice["value"] == against
    assert "second" in dict(choice["options"])
    rows = [
        row
        for layer in figure["spec"]["layer"]
        for row in layer.get("data", {}).get("values", ())
        if row.get("label") == "whole step" and "text" in row
    ]
    assert "slower" in rows[0]["text"]
    for name in ("first", "second"):
        for file in ("run.json", "steps.parquet", "costs.parquet"):
            (tmp_path / "logdir" / name / file).unlink()
    assert get(Served(tmp_path / "logdir"), "data/page", **query).json == expected


def test_exports_and_the_report_are_downloads(served, logdir):
    for name, suffix in [(name, made.suffix) for name, made in FORMATS.items()]:
        answer = get(served, "data/export", run="first", format=name)
        assert answer.status_code == 200
        assert f"filename=first{suffix}" in answer.headers["Content-Disposition"]
    table = pl.read_parquet(get(served, "data/export", run="first", format="parquet").data)
    assert table.equals(load_costs(logdir / "first"))
    assert get(served, "data/export", run="first", format="nothing").status_code == 400
    assert get(served, "data/export", run="nothing", format="csv").status_code == 404
    assert "</html>" in get(served, "data/html", run="first").text


def test_the_tab_is_named_and_its_module_served(served):
    listing = json.loads(served._client.get("/data/plugins_listing").text)
    assert listing["alexprof"]["tab_name"] == "AlexProf"
    assert listing["alexprof"]["enabled"]
    assert "render" in get(served, "index.js").text


def test_colors_come_from_the_palette(served):
    text = get(served, "palette.css").text
    assert all(color in text for color in (*LIGHT.values(), *DARK.values()))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"run": "first", "page": "nothing"}, 400),
        ({"run": "first", "variant": "nothing"}, 400),
        ({"run": "first", "phase": "nothing"}, 400),
        ({"run": "first", "unit": "furlong"}, 400),
        ({"run": "first", "step": "-1"}, 400),
        ({"run": "first", "step": "1e9"}, 400),
        ({"run": "first", "depth": "²"}, 400),
        ({"run": "nothing"}, 404),
        ({"run": "first", "against": "nothing"}, 404),
        ({"run": "first", "against": "nothing:trace"}, 404),
        ({"run": "first", "page": "changed", "against": "second:nothing"}, 400),
        ({"run": "first", "page": "changed", "against": "second:"}, 400),
        ({}, 404),
        ({"run": ""}, 404),
    ],
)
def test_a_bad_parameter_gets_words(served, query, code):
    answer = get(served, "data/page", **query)
    assert answer.status_code == code
    assert answer.json["error"]


@pytest.mark.parametrize(
    "name",
    ["..", "../first", "first/..", "/etc", "first/trace", "./first", "%2e%2e", "\0", HOSTILE, "*"],
)
def test_a_run_is_named_never_a_path(served, name):
    answer = get(served, "data/page", run=name)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd",
        "static/index.js",
        "data/..",
        "plugin.py",
        "..%2fplugin.py",
        "data/file",
    ],
)
def test_no_route_leads_to_files(served, path):
    assert get(served, path).status_code == 404


def test_nothing_can_be_written(served):
    for method in ("POST", "PUT", "DELETE"):
        assert served.open("alexprof/data/runs", method=method).status_code == 405


def test_answers_are_compressed_and_kept_by_content(served):
    compressed = served.open("alexprof/data/runs", headers={"Accept-Encoding": "gzip"})
    assert json.loads(gzip.decompress(compressed.data)) == get(served, "data/runs").json
    tag = compressed.headers["ETag"]
    again = served.open("alexprof/data/runs", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_a_run_that_appears_is_listed_after_a_reload(logdir, tmp_path):
    shutil.copytree(logdir / "first", tmp_path / "first")
    served = Served(tmp_path)
    assert run_names(served) == ["first"]
    shutil.copytree(logdir / "second", tmp_path / "second")
    served.reload()
    assert set(run_names(served)) == {"first", "second"}


def test_names_of_a_logdir_spec_lead_to_its_folders(logdir):
    served = Served(logdir, "--logdir_spec", f"here:{logdir}")
    assert set(run_names(served)) == {"here/first", "here/second"}
    assert get(served, "data/page", run="here/first").status_code == 200


def test_a_run_is_shown_without_its_folder(logdir, tmp_path):
    """What travels with the summaries is enough, as on another machine."""
    shutil.copytree(logdir / "first", tmp_path / "first")
    expected = get(Served(tmp_path), "data/page", run="first", page="where").json
    (tmp_path / "first" / "run.json").unlink()
    assert get(Served(tmp_path), "data/page", run="first", page="where").json == expected


def test_details_of_a_run_elsewhere_are_copied_when_they_are_asked_for(logdir):
    from fsspec.implementations.memory import MemoryFileSystem

    from alexprof.tensorboard.runs import Runs

    system = MemoryFileSystem()
    system.put(str(logdir), "/bucket/logdir", recursive=True)
    served = Served(logdir)
    local = get(served, "data/page", run="first", page="when").json
    runs = Runs(TBContext(data_provider=served.provider, logdir="memory://bucket/logdir"))
    ctx = RequestContext()
    listed = runs.listed(ctx, "")
    source = runs.load(ctx, "", listed["first"])
    assert source.run.place is None
    timeline = runs.timeline(source.run, "trace", "trace")
    assert timeline.wall_ps.size == 4
    assert local["blocks"]
    system.rm("/bucket/logdir/second", recursive=True)
    source = runs.load(ctx, "", listed["second"])
    with pytest.raises(RunError):
        runs.timeline(source.run, "trace", "trace")


def test_a_damaged_summary_is_an_answer_in_words(logdir, tmp_path, monkeypatch):
    shutil.copytree(logdir / "first", tmp_path / "first")
    served = Served(tmp_path)
    monkeypatch.setattr("alexprof.tensorboard.runs.Runs._parts", lambda *_: [b"{}", b"x"])
    answer = get(served, "data/page", run="first")
    assert answer.status_code == 500
    assert "damaged" in answer.json["error"]


class TestPayload:
    """What travels with the summaries."""

    @pytest.fixture
    def place(self, logdir):
        return logdir / "first"

    def parts(self, place):
        run = load_run(place)
        summary = encode(run, place, head_of(run, "", ["trace"]))
        return run, list(summary.value[0].tensor.string_val)

    def test_record_and_tables_arrive(self, place):
        run, parts = self.parts(place)
        held = decode(parts, "first")
        assert held.whole
        assert held.run == run
        assert held.tables == {name: (place / name).read_bytes() for name in run.tables}

    def test_what_has_no_room_stays_behind(self, place, monkeypatch):
        sizes = {}
        for most in (10**6, 3000, 100):
            monkeypatch.setattr(payload, "MOST_BYTES", most)
            run, parts = self.parts(place)
            held = decode(parts, "first")
            sizes[most] = sum(map(len, parts))
            assert held.whole == (most == 10**6)
        assert sizes[10**6] > sizes[3000] > sizes[100]
        (phase,) = (phase for _, _, phase in held.run.all_phases())
        assert (phase.ops, phase.kernels, phase.replay) == ((), (), None)
        assert phase.layers == next(run.all_phases())[2].layers

    @pytest.mark.parametrize(
        "parts",
        [
            [],
            [b""],
            [b"[]", b"x"],
            [msgspec.json.encode(Contents(names=("run.json",))), b"no gzip"],
            [msgspec.json.encode(Contents(names=("run.json",))), gzip.compress(b"{}")],
            [msgspec.json.encode(Contents(names=("other",))), b""],
            [msgspec.json.encode(Contents(names=("run.json",)))],
        ],
    )
    def test_damage_is_an_error_in_words(self, parts):
        with pytest.raises(RunError):
            decode(parts, "first")

    def test_a_small_blob_that_unpacks_to_gigabytes_is_refused(self, monkeypatch):
        monkeypatch.setattr(payload, "LARGEST_BYTES", 1000)
        names = msgspec.json.encode(Contents(names=("run.json",)))
        with pytest.raises(RunError, match="MB"):
            decode([names, gzip.compress(bytes(100_000))], "first")
        assert LARGEST_BYTES > 10**6
