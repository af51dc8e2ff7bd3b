"""A tracer belongs to the process and the thread that opened it, wherever these go."""

from __future__ import annotations

import json
import os
import threading

import pytest

from alexprof.errors import UsageError
from alexprof.tracer.run import load_run
from alexprof.tracer.tracer import Tracer


def timed(tracer: Tracer, label: str) -> None:
    tracer.time(lambda: None, label=label, steps=3, burn_in=0)


def test_another_thread_is_refused(tmp_path):
    refused = []

    def use(tracer):
        with pytest.raises(UsageError, match="another process or thread"):
            timed(tracer, "Second")
        refused.append(True)

    with Tracer(tmp_path / "run", trace_steps=0) as tracer:
        timed(tracer, "Forward")
        thread = threading.Thread(target=use, args=(tracer,))
        thread.start()
        thread.join()
    assert refused
    (variant,) = load_run(tmp_path / "run").variants.values()
    assert set(variant.phases) == {"forward"}


def test_a_forked_process_that_leaves_the_block_writes_nothing(tmp_path):
    with Tracer(tmp_path / "run", trace_steps=0) as tracer:
        timed(tracer, "Forward")
        child = os.fork()
        if child == 0:
            tracer.__exit__(None, None, None)
            os._exit(0)
        os.waitpid(child, 0)
        record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
        assert not record["complete"]
        timed(tracer, "Second")
    run = load_run(tmp_path / "run")
    assert run.complete
    (variant,) = run.variants.values()
    assert set(variant.phases) == {"forward", "second"}


def test_a_change_of_folder_does_not_split_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with Tracer("run", trace_steps=0) as tracer:
        monkeypatch.chdir(tmp_path / "elsewhere")
        timed(tracer, "Forward")
    assert load_run(tmp_path / "run").complete
    assert not list((tmp_path / "elsewhere").iterdir())
