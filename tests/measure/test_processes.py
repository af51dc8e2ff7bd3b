"""Commands read as a shell reads them, processes timed, ended and told apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from alexprof.errors import UsageError
from alexprof.measure.processes import (
    PADDING,
    PADDING_MOST,
    Launch,
    environment_of,
    parse_command,
    run_process,
)
from tests.processes import ended


def launch(folder, code, **environment):
    return Launch(
        (sys.executable, "-c", code),
        {**os.environ, **environment},
        folder / "out.txt",
        folder / "err.txt",
    )


@pytest.mark.parametrize(
    ("text", "argv", "variables"),
    [
        ("true", ["true"], {}),
        ("X=1 Y='a b' sh -c 'exit 3'", ["sh", "-c", "exit 3"], {"X": "1", "Y": "a b"}),
        ("env X=1 true", ["env", "X=1", "true"], {}),
        ("X= true a=b", ["true", "a=b"], {"X": ""}),
        ("sh -c 'a | b; c > d && $e'", ["sh", "-c", "a | b; c > d && $e"], {}),
        ('sh -c "a; (b) * c"', ["sh", "-c", "a; (b) * c"], {}),
        (r"echo \$HOME \* it\'s", ["echo", "$HOME", "*", "it's"], {}),
        ("echo a~b a#b", ["echo", "a~b", "a#b"], {}),
    ],
)
def test_a_command_is_split_as_a_shell_does(text, argv, variables):
    command = parse_command(text)
    assert (list(command.argv), command.variables) == (argv, variables)


@pytest.mark.parametrize(
    "text",
    [
        "true | true", "true; true", "cd /tmp && true", "echo $HOME", 'echo "$HOME"',
        "echo `true`", 'echo "`true`"', "echo *.py", "true > /dev/null", "(true)", "ls ~/x",
        "true # nothing", """echo "it's" | cat 'a'""", r'sh -c "kill -9 \$\$"',
        r'echo "\`true\`"', r'echo "\\$HOME"', 'echo "a\\\nb"', "echo a\\\nb",
    ],
)  # fmt: skip
def test_what_needs_a_shell_gets_one(text):
    assert parse_command(text).argv == ("/bin/sh", "-c", text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no program"),
        ("X=1", "names no program"),
        ("echo 'open", "No closing quotation"),
        ("no-such-program --fast", "no program 'no-such-program' on the PATH"),
        ("PATH=/nowhere sh", "no program 'sh'"),
        ("/no/such/program", "no program '/no/such/program': there is no such file"),
        ("/etc/passwd", "'/etc/passwd' is not executable"),
        ("/etc", "'/etc' is a folder"),
    ],
)
def test_what_can_t_be_run_is_said_before(text, words):
    with pytest.raises(UsageError, match=words):
        parse_command(text)


@pytest.mark.parametrize(
    "words",
    [
        r'"\$HOME" "\`x\`"',
        r'"a\"b" "a\\b" "a\b"',
        r"""'a\$b' a\$b "it's" 'say "x"'""",
        r'"\\" x\\ "\\\\"',
        '"a\\\nb" a\\\nb',
        r""" '"\$"' "'\$'" "" x"y"'z'\\w """,
    ],
)
def test_a_program_gets_the_arguments_that_a_shell_gives_it(words):
    text = f"printf '<%s>' {words}"
    ours, a_shell_s = (
        subprocess.run(argv, capture_output=True, check=True).stdout
        for argv in (parse_command(text).argv, ("/bin/sh", "-c", text))
    )
    assert ours == a_shell_s


def test_an_environment_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("ALEXPROF_LOGDIR", "elsewhere")
    command = parse_command("X=1 KEPT=2 true")
    lengths = set()
    for place in range(50):
        environment = environment_of(command, tmp_path / "a1", place)
        assert (environment["X"], environment["KEPT"]) == ("1", "2")
        assert environment["ALEXPROF_LOGDIR"] == str(tmp_path / "a1")
        lengths.add(len(environment[PADDING]))
    assert len(lengths) > 45
    assert max(lengths) < PADDING_MOST
    own = environment_of(parse_command("ALEXPROF_LOGDIR=mine true"), tmp_path, 0)
    assert own["ALEXPROF_LOGDIR"] == "mine"


def test_times_output_and_exit_code(tmp_path):
    code = (
        "import os, sys, time\n"
        "print(os.environ['X'], os.getpgid(0) == os.getpid(), sys.stdin.read() == '')\n"
        "print('complaint', file=sys.stderr)\n"
        "end = time.process_time() + 0.05\n"
        "while time.process_time() < end: pass\n"
        "time.sleep(0.1)\n"
        "sys.exit(7)"
    )
    done = run_process(launch(tmp_path, code, X="one"))
    assert done.exit_code == 7
    assert done.seconds >= 0.15
    assert 0.05 <= done.user_s + done.system_s < done.seconds - 0.05
    assert (tmp_path / "out.txt").read_text() == "one True True\n"
    assert (tmp_path / "err.txt").read_text() == "complaint\n"
    killed = launch(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert run_process(killed).exit_code == -signal.SIGKILL


def test_what_it_leaves_running_is_ended(tmp_path):
    code = (
        "import subprocess, sys\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    )
    assert run_process(launch(tmp_path, code)).exit_code == 0
    assert ended(int((tmp_path / "out.txt").read_text()))


@pytest.mark.parametrize("stubborn", [False, True])
def test_ctrl_c_ends_the_whole_group(tmp_path, monkeypatch, request, stubborn):
    monkeypatch.setattr("alexprof.measure.processes.GRACE_S", 0.2)
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    sleep = f"import signal, time; {ignore}print('up', flush=True); time.sleep(60)"
    code = (
        "import os, signal, subprocess, sys\n"
        f"{ignore}\n"
        f"child = subprocess.Popen([sys.executable, '-c', {sleep!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(os.getpid(), child.pid, flush=True)\n"
        "child.wait()"
    )

    def interrupt():
        while not (tmp_path / "out.txt").exists() or not (tmp_path / "out.txt").read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    # Where the tests run in the background the signal is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_process(launch(tmp_path, code))
    assert all(ended(int(pid)) for pid in (tmp_path / "out.txt").read_text().split())


def test_a_program_that_can_t_be_started(tmp_path):
    (tmp_path / "no program").write_text("")
    with pytest.raises(UsageError, match=r"can't start .*Permission denied"):
        run_process(Launch((str(tmp_path / "no program"),), {}, tmp_path / "out", tmp_path / "err"))


def test_ctrl_c_while_a_process_starts_ends_that_process(tmp_path, monkeypatch):
    """Python raises it when `Popen` returns, where the process would not be known yet."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*arguments, **options):
        started.append(popen(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    launch = Launch(("sleep", "60"), {}, tmp_path / "out", tmp_path / "err")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_process(launch)
    finally:
        signal.signal(signal.SIGINT, before)
    assert started[0].poll() is not None
