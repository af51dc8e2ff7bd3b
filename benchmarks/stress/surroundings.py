"""What is around a long job: closed streams, full devices, odd names, forks and threads."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.stress.commands import (
    CODES,
    JOB_LIMIT_S,
    Command,
    Result,
    controls,
    run_all,
    try_all,
)
from benchmarks.stress.subjects import SMALL, profile

PROFILE = f"{sys.executable} -m alexprof profile {' '.join(SMALL)} --logdir logdir"
SHELL: dict[str, str] = {
    "output to /dev/full": f"{PROFILE} --run-name run >/dev/full",
    "messages to /dev/full": f"{PROFILE} --run-name run 2>/dev/full",
    "both to /dev/full": f"{PROFILE} --run-name run >/dev/full 2>&1",
    "output closed": f"{PROFILE} --run-name run >&-",
    "messages closed": f"{PROFILE} --run-name run 2>&-",
    "all streams closed": f"{PROFILE} --run-name run <&- >&- 2>&-",
    "a reader that leaves": f"{PROFILE} --run-name run | head -1",
    "no temporary folder": f"TMPDIR=/nonexistent {PROFILE} --run-name run",
    "no home": f"env -u HOME {PROFILE} --run-name run",
    "a name that is no text": f"{PROFILE} --run-name $'\\xff\\xfe'",
    "a logdir that is no text": f"{PROFILE} --run-name run --logdir $'log\\xff'",
    "a name with a pattern": f"{PROFILE} --run-name 'r[ab]*?'",
}
"""Jobs that must end with their record whole, whatever becomes of what they print."""
ARGUMENTS: tuple[tuple[str, ...], ...] = tuple(
    ("profile", *SMALL, option, value)
    for option, values in {
        "--max-time": ("nan", "inf", "-1", "0", "1e400"),
        "--num-batches": ("-1", "0", "1.5", "99999999999999999999"),
        "--burn-in": ("-1", "nan", "99999999999999999999"),
        "--batch-size": ("0", "-1", "1e9"),
        "--precision": ("nan", "0", "-1%", "inf", "1000%", "%"),
        "--seed": ("-1", "99999999999999999999999"),
        "--run-name": ("a/b", "..", ".", "x" * 300, "a\x1b[31m", "a\nb"),
    }.items()
    for value in values
)
_API = """
import alexprof, tensorflow as tf, os, sys, threading, pathlib
v1 = tf.compat.v1
def build():
    return v1.nn.relu(v1.random.normal([4, 4]), name="out")
"""
PROGRAMS: dict[str, str] = {
    "a forked child that leaves": """
with alexprof.Tracer("logdir/run") as tracer:
    with tracer.graph("a"): out = build()
    with tracer.session() as session:
        tracer.time(session, out, "Forward", steps=5, burn_in=1)
        child = os.fork()
        if child == 0:
            try:
                tracer.__exit__(None, None, None)
            except alexprof.AlexProfError:
                pass
            os._exit(0)
        os.waitpid(child, 0)
        tracer.time(session, out, "Second", steps=5, burn_in=1)
run = alexprof.load_run("logdir/run")
(variant,) = run.variants.values()
assert run.complete and len(variant.phases) == 2, (run.complete, variant.phases.keys())
""",
    "two threads": """
errors = []
with alexprof.Tracer("logdir/run") as tracer:
    with tracer.graph("a"): out = build()
    with tracer.session() as session:
        def time(label):
            try:
                tracer.time(session, out, label, steps=200, burn_in=1)
            except alexprof.AlexProfError as error:
                errors.append(error)
        threads = [threading.Thread(target=time, args=(label,)) for label in ("A", "B")]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
(variant,) = alexprof.load_run("logdir/run").variants.values()
assert len(variant.phases) + len(errors) == 2 and errors, (variant.phases.keys(), errors)
""",
    "another folder meanwhile": """
with alexprof.Tracer("logdir/run") as tracer:
    with tracer.graph("a"): out = build()
    pathlib.Path("elsewhere").mkdir()
    os.chdir("elsewhere")
    with tracer.session() as session:
        tracer.time(session, out, "Forward", steps=5, burn_in=1)
assert not list(pathlib.Path(".").iterdir())
os.chdir("..")
assert alexprof.load_run("logdir/run").complete
""",
    "the run's folder is removed": """
import shutil
try:
    with alexprof.Tracer("logdir/run") as tracer:
        with tracer.graph("a"): out = build()
        with tracer.session() as session:
            tracer.time(session, out, "Forward", steps=5, burn_in=1)
            shutil.rmtree("logdir/run")
            tracer.time(session, out, "Second", steps=5, burn_in=1)
except alexprof.AlexProfError:
    pass
if os.path.exists("logdir/run/run.json"):
    run = alexprof.load_run("logdir/run")
    assert not run.complete or os.path.exists("logdir/run/costs.parquet"), "complete without tables"
""",
    "a failing step": """
with alexprof.Tracer("logdir/run") as tracer:
    with tracer.graph("a"): out = build()
    with tracer.session() as session:
        tracer.time(session, out, "Forward", steps=5, burn_in=1)
        def fail(): raise ValueError("\\x1b[31mmine")
        try:
            tracer.time(alexprof.CallableTarget(fail), label="Fails", steps=5, burn_in=1)
        except Exception as error:
            print(type(error), error)
assert "forward" in alexprof.load_run("logdir/run").variants["a"].phases
""",
    **{
        f"arguments: {call}": f"""
with alexprof.Tracer("logdir/run") as tracer:
    with tracer.graph("a"): out = build()
    with tracer.session() as session:
        try:
            {call}
        except alexprof.AlexProfError as error:
            print(error)
        else:
            raise SystemExit("taken")
"""
        for call in (
            'tracer.time(session, out, "F", steps="5")',
            'tracer.time(session, out, "F", steps=None, burn_in=-1)',
            'tracer.time(session, out, "F", steps=float("nan"))',
            'tracer.time(session, out, "F", steps=2.5)',
            "tracer.time(session, out, 7, steps=5)",
            'tracer.time(session, None, "F", steps=5)',
            'tracer.time(None, out, "F", steps=5)',
            'tracer.time(session, out, "", steps=5)',
            'tracer.time(session, out, "F", steps=-5)',
        )
    },
}
"""Programs that must end with exit code 0."""


def commands(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Jobs in odd surroundings, odd arguments, and reports printed to where nothing can be."""
    base = profile(folder / "good", "base")

    def job(case: tuple[str, str]) -> str:
        name, line = case
        place = folder / name.replace("/", " ")
        place.mkdir()
        done = _run(["bash", "-c", line], place)
        if wrong := _wrong(done):
            return f"{name}: {wrong}"
        complete = any(b'"complete": true' in path.read_bytes() for path in place.rglob("run.json"))
        refused = done is not None and done.returncode == 2 and done.stderr
        return "" if complete or refused else f"{name}: no complete record"

    def reader(command: str) -> str:
        wrong = _wrong(_run(["bash", "-c", f"{sys.executable} -m alexprof {command}"], folder))
        return f"{command}: {wrong}" if wrong else ""

    readers = [
        f"{command} --logdir {base.parent} {redirected}"
        for command in ("report --full", "list", "history", "compare base base --full")
        for redirected in (">/dev/full", ">&-", "2>&-", "| head -1", "</dev/null")
    ]
    readers += [f"{option} >/dev/full" for option in ("--help", "--version", "report --help")]
    places = str(folder / "arguments")
    odd = [
        Command(" ".join(words), (*words, "--logdir", places), limit_s=JOB_LIMIT_S)
        for words in ARGUMENTS
    ]
    return [
        try_all("jobs in odd surroundings", job, SHELL.items()),
        try_all("reports in odd surroundings", reader, readers),
        run_all("odd arguments", odd),
    ]


def programs(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Programs that use the API from forks, threads, other folders, and wrongly."""

    def run(case: tuple[int, tuple[str, str]]) -> str:
        number, (name, code) = case
        place = folder / str(number)
        place.mkdir()
        done = _run([sys.executable, "-c", _API + code], place)
        if done is None:
            return f"{name}: hang"
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return f"{name}: exit code {done.returncode}: {last}" if done.returncode else ""

    return [try_all("programs: forks, threads, folders, types", run, enumerate(PROGRAMS.items()))]


def _run(command: list[str], place: Path) -> subprocess.CompletedProcess[bytes] | None:
    """Runs a command; None if it takes too long."""
    path = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    try:
        return subprocess.run(
            command,
            cwd=place,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=JOB_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


def _wrong(done: subprocess.CompletedProcess[bytes] | None) -> str:
    if done is None:
        return "hang"
    out, err = (stream.decode(errors="surrogateescape") for stream in (done.stdout, done.stderr))
    if control := controls(out) or controls(err):
        return f"control character {control}"
    if "Traceback" in err or done.returncode not in CODES or "Exception ignored" in err:
        return f"exit code {done.returncode}: {err.strip()[-200:]}"
    return ""
