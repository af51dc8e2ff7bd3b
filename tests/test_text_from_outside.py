"""Names and messages from outside: no output passes them on unchanged."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from rich.cells import cell_len
from tensorboard.plugin_util import markdown_to_safe_html

from alexprof.errors import RunError
from alexprof.plain_text import LONGEST, clean, shell_words
from alexprof.record.json_text import json_text
from alexprof.record.note import Note
from alexprof.record.store import PAIRS_FILE, load_run, save_json, save_run
from alexprof.show.checks import Check, render_check
from alexprof.show.document import Document, Lead, Remark, Section
from alexprof.show.listing import render_list
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render
from alexprof.show.outputs.as_markdown import draw_markdown
from alexprof.show.progress import LiveProgress, PlainProgress
from alexprof.show.reason_texts import note_text
from alexprof.tensorboard.scalars import all_series
from tests.analysis.made import made_run
from tests.attribute.hand import draw
from tests.command_line import call
from tests.factory import change_phases
from tests.show import odd_runs, runs
from tests.show.test_comparisons import judged_pairs
from tests.show.test_progress import Terminal
from tests.test_rooms import FILES, PACKAGE
from tests.traces import TraceBuilder

MOVES = "\x1b[2J\x1b]8;;u\x07\r\b\t\n\x85\x9b\x7f"
HIDES = "\u00ad\u200b\u200d\ufeff\ufe0f\ue000\U000e0041\u3164"
TURNS = "\u061c\u200e\u202e\u2066\u2028\u2029"
EVIL = f"{MOVES}{HIDES}{TURNS}<i>e{chr(0x301) * 20}"
MARKUP = (
    "<script>alert(1)</script><img src=x onerror=y>`b`*b* __b__ ~~b~~ $b$ [b](javascript:b)![](b)"
    " &lt;b&gt; \\*b\\* @user org/a#1 GH-2 https://b.example www.b.example b@b.example <!-- b -->"
    " '\"><b c='||"
)
BAD = f"{EVIL}{MARKUP}"
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
FORMULAS = ("=1+1", "+1", "-1", "@A1", "\t=1", "\uff1d1")


def printable(text: str) -> None:
    """Nothing moves a cursor or is hidden; line breaks and no-break spaces are AlexProf's own."""
    assert {char for char in text if not (char.isprintable() or char in "\n\u00a0")} == set()


def plain_only(text: str) -> None:
    printable(text)
    assert not set(text) & {"\ufe0f", "\u3164"}
    assert chr(0x301) * 4 not in text


class Tags(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.cells = [0]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.cells += [0] * (tag == "tr")
        self.cells[-1] += tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.add("!--")


def markdown_only(text: str) -> None:
    """Names are text, and notify nobody, as read by GitHub and by TensorBoard."""
    plain_only(text)
    own = {"h1", "h2", "p", "strong", "em", "ul", "li", "hr", "code"}
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    for page in map(Tags, (GITHUB.render(text), markdown_to_safe_html(text))):
        assert page.tags <= own | table
        assert page.attributes <= {"style"}
        shown = page.text.lower().replace("--b--", "__b__")  # as in a phase's label
        assert shown.replace("\u200b", "").count(MARKUP.lower()) == text.count("b@&")
        assert not re.search(r"@\w|#\d|gh-\d|://|www\.", shown)
    for lines in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        assert len({*Tags(GITHUB.render(lines)).cells[1:]}) == 1


def html_only(text: str) -> None:
    plain_only(text.replace("\u2007", "").replace("\u2008", ""))
    page = Tags(text)
    assert page.tags <= {"div", "span", "table", "thead", "tbody", "tr", "th", "td", "br", "b"}
    assert page.attributes <= {"style", "title"}


def json_only(text: str) -> None:
    printable(text)
    assert json.dumps(EVIL)[1:-1] in json.dumps(json.loads(text))


def csv_only(text: str) -> None:
    plain_only(text)
    head, *rows = csv.reader(io.StringIO(text))
    assert rows
    for row in rows:
        assert len(row) == len(head)
        for cell in row:
            assert cell.strip()[:1] not in "=+-@\uff1d" or not cell or float(cell)


CHECKS = {
    "text": plain_only,
    "markdown": markdown_only,
    "html": html_only,
    "json": json_only,
    "csv": csv_only,
}


KEPT = {"code", "pass", "device", "started", "bound_by", "how", "predicted_by", "side", "folder"}
"""Fields whose values are not names."""


def spoiled(record: Any) -> Any:
    """Adds the same text to all names in a record."""

    def spoil(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            named = key in ("variants", "phases", "settings")
            return {spoil(name) if named else name: spoil(v, name) for name, v in value.items()}
        if isinstance(value, list | tuple):
            return [spoil(part, key) for part in value]
        return value + BAD if isinstance(value, str) and key not in KEPT else value

    return msgspec.convert(spoil(msgspec.to_builtins(record)), type(record))


def names(*starts: str) -> dict[str, float]:
    return {f"{start}{BAD}": 0.9 / len(starts) for start in starts}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """Runs, pairs, a trace and a broken run, all with such names."""
    logdir = tmp_path_factory.mktemp("logs") / f"log{EVIL}"
    ops = names(*FORMULAS, "conv/x", "# conv/y", "- conv")
    for place, name in enumerate("ab"):
        steps_s = {f"{variant}{EVIL}": 0.1 + place / 50 for variant in ("v", "w")}
        made_run(
            logdir / f"{name}{EVIL}",
            steps_s,
            ops=ops,
            phase=f"forward{BAD}",
            seed=place,
            settings={f"setting{EVIL}": f"{place}{BAD}"},
            started=f"2026-11-0{place + 1}T04:42:00+00:00",
            complete=not place,
            stopped=Note("failed", text=BAD) if place else None,
        )
    for name, run in {"full": runs.alexnet(), "gpus": odd_runs.two_gpus()}.items():
        save_run(logdir / "alone" / f"{name}{EVIL}", spoiled(run))
    broken = logdir / f"broken{EVIL}" / "run.json"
    broken.parent.mkdir()
    broken.write_text(json.dumps({"schema_version": 1, f"{BAD}": f"{BAD}"}))
    record = spoiled(judged_pairs(logdir / "pairs").record)
    save_json(logdir / "pairs" / PAIRS_FILE, record)
    trace = TraceBuilder(hosts=[f"host{BAD}"], errors=[BAD], warnings=[BAD])
    marks = [(f"step{BAD}", at, at + 900, {"step_num": at // 1000}) for at in range(0, 5000, 1000)]
    spans = [
        (f"EagerLocalExecute: {op}", start + 80 * place, start + 80 * place + 80)
        for _, start, _, _ in marks
        for place, op in enumerate(ops)
    ]
    draw(trace.plane("/host:CPU"), {f"python{BAD}": marks, "tf_Compute/1": spans})
    trace.write(logdir / f"trace{EVIL}.xplane.pb")
    return logdir


REPORTS = {
    f"report {name} {options}".strip(): style
    for name in ("a", "b", "full", "gpus", "trace")
    for options, style in {
        "": "text",
        "--full": "text",
        "--markdown": "markdown",
        "--full --markdown": "markdown",
        "--format html": "html",
        "--format csv": "csv",
        "--json": "json",
    }.items()
}
COMPARED = {
    f"{command} {options}".strip(): style
    for command in ("compare a b", "compare a:v a:w", "compare a b --full", "gate b --baseline a")
    for options, style in {"": "text", "--markdown": "markdown", "--json": "json"}.items()
}
OVER_TIME = {
    f"{command} {options}".strip(): style
    for command in ("history", "ab --show pairs")
    for options, style in {"": "text", "--markdown": "markdown", "--json": "json"}.items()
}
WRONG = (
    *("report BAD", "report a --variant BAD", "report a --phase BAD", "report a --section BAD"),
    *("report a --marker BAD", "report latest --logdir BAD", "report a:BAD", "report broken"),
    *("report a --format BAD", "report --BAD", "BAD", "report a --top BAD", "report trace BAD"),
    *("compare a BAD", "compare a:BAD b", "compare a a", "compare a b --phase BAD"),
    *("gate a --baseline b --max-slowdown BAD", "gate a --baseline b --max-slowdown BAD=1%"),
    *("history --metric BAD.share", "history --variant BAD", "list --logdir BAD"),
    *("import BAD", "import trace --name BAD", "import trace --marker BAD", "import a"),
    *("profile BAD", "profile --device BAD", "profile --phases BAD", "ablate --measure BAD"),
    *("ab NAME true", "ab --show BAD"),
)
COMMANDS = {
    **REPORTS,
    **COMPARED,
    **OVER_TIME,
    "list": "text",
    "import trace --name imported": "text",
    **dict.fromkeys(WRONG, "text"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_a_hostile_name_unchanged(logdir, command):
    words = []
    for word in shlex.split(command):
        name, _, variant = word.partition(":")
        if name in ("a", "b", "broken", "full", "gpus"):
            folder = logdir / "alone" if name in ("full", "gpus") else logdir
            words.append(str(folder / f"{name}{EVIL}") + f":{variant}{EVIL}" * bool(variant))
        elif word == "trace":
            words.append(str(logdir / f"trace{EVIL}.xplane.pb"))
        else:
            words.append(word.replace("BAD", BAD).replace("NAME", "no\u202e\x1b\ufe0fprogram"))
    done = call(*words, ALEXPROF_LOGDIR=str(logdir))
    assert "Traceback" not in done.stderr
    if command in WRONG:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    else:
        assert done.returncode in (0, 1, 3), done.stderr
        assert "2J" in done.stdout
        CHECKS[COMMANDS[command]](done.stdout)
        assert command != "list" or max(map(cell_len, done.stdout.splitlines())) <= 80
    plain_only(done.stderr)


def test_a_terminal_s_colors_are_the_report_s_own(logdir):
    run = load_run(logdir / "alone" / f"full{EVIL}")
    colored = render(run, "text", ReportOptions(color=True, full=True))
    plain = re.sub(r"\x1b\[(?:0|1|38;5;\d+)m", "", colored)
    plain_only(plain)
    assert plain == render(run, "text", ReportOptions(full=True))


def test_text_outside_reports_is_cleaned_too(logdir, monkeypatch):
    checks = [render_check(Check(f"GPU{BAD}", BAD, advice=BAD)), str(RunError(BAD))]
    monkeypatch.setenv("COLUMNS", "1000")
    stream, terminal = io.StringIO(), Terminal()
    for progress in (PlainProgress(stream), LiveProgress(terminal)):
        progress.message(BAD)
        with progress.phase(BAD, 3) as counter:
            counter.advance(1)
    own = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|\r")
    lines = [stream.getvalue(), own.sub("", terminal.getvalue())]
    for text in (*checks, *lines):
        plain_only(text)
        assert "2J" in text
    shown = "sh -c 'printf \"\\033[2J\\342\\200\\256\\n\" >&2; false'"
    failed = call("ab", shown, "true", "--warm-up", 0, "--logdir", logdir.parent / "ab")
    assert failed.stderr.splitlines()[1] == "  ?[2J?"


def test_only_these_print():
    """These files print only text that `show` rendered or that was cleaned; add with care."""
    printing = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "typer.echo", "warnings.warn", "sys.stdout.write")
    }
    cli = {f"cli/{name}.py" for name in ("__init__", "app", "pairs", "terminal")}
    assert printing == {*cli, "tracer/run.py"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\nc\td\x00", "a?[31mb c d?"),
        ("\x1b]8;;u\x1b\\b\rc\bd", "?]8;;u?\\b c?d"),
        ("conv1 – ok\u00a0", "conv1 – ok\u00a0"),
        ("a\u3000b\u2003c", "a b c"),
        ("層 Größe שלום", "層 Größe שלום"),
        ("\ud83d\ude00 \udce9", "?? ?"),
        ("Vie\u0302\u0323t", "Vie\u0302\u0323t"),
        ("a" + "\u0301" * 5 + "b\u0301", "a\u0301\u0301\u0301?b\u0301"),
        (HIDES, "?" * len(HIDES)),
        (TURNS, "????" + "  "),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown
    assert clean(shown) == shown


def test_a_text_that_is_too_long_loses_its_middle():
    short = clean("a" * LONGEST + "end")
    assert len(short) == LONGEST
    assert short.endswith("aend")
    assert clean(short) == short


def test_a_command_to_paste_has_quoted_words():
    assert shell_words("report", "a b", "$(x)", "\x1b") == "report 'a b' '$(x)' '?'"
    assert shlex.split(shell_words("report", BAD)) == ["report", clean(BAD)]


def test_a_report_s_commands_can_be_pasted(logdir):
    run = load_run(logdir / "alone" / f"full{EVIL}")
    assert f"alexprof report {shell_words(str(run.place))} --full" in render(run, "text")


@pytest.mark.parametrize(
    "text", ["# a", "#a", "- a", "+ a", "1. a", "2) a", "---", "    a", "> a", "- - -", "=", "1)"]
)
def test_no_text_begins_markup(text):
    page = Document("run", "", (text,), (Section("", "", (Remark(text), Lead(text))),))
    for parsed in map(Tags, (GITHUB.render(draw_markdown(page)), as_tensorboard(page))):
        assert parsed.tags == {"h1", "p", "strong"}
        assert parsed.text.count(text.strip()) == 3


def as_tensorboard(page: Document) -> str:
    return str(markdown_to_safe_html(draw_markdown(page)))


def test_descriptions_of_charts_are_text():
    run = spoiled(runs.alexnet())
    descriptions = [
        Tags(markdown_to_safe_html(series.description))
        for series in all_series(run, f"with_lrn{BAD}", {}, {}, 0.0)
    ]
    assert any("<script>" in page.text for page in descriptions)
    assert set().union(*(page.tags for page in descriptions)) == {"p"}


def test_a_list_has_room_for_what_it_shows():
    def listed(label: str) -> str:
        run = change_phases(runs.alexnet(), lambda old: replace(old, label=label), phase="forward")
        return render_list([run])

    assert listed("a\a\a") == listed("a??")


def test_json_holds_the_same_values(logdir):
    run = spoiled(runs.alexnet())
    text = json_text(run, indent=1)
    printable(text)
    assert msgspec.json.decode(text, type=type(run)) == run
    assert "\\u202e" in text
    assert "\\udb40\\udc41" in text  # one character, which JSON writes as two halves
    note = Note("failed", text="caf\udce9 \ud83d\ude00", numbers={"\udce9": 1.0})
    assert msgspec.json.decode(json_text(note, indent=1)) == {
        "code": "failed",
        "numbers": {"?": 1},
        "names": [],
        "host": "",
        "text": "caf? ??",
    }


@pytest.mark.parametrize("code", ["{names.__class__}", "{0}", "{", "too_large"])
def test_a_note_of_another_version_is_never_used_as_a_template(code):
    note = Note(code, numbers={"text": 1.0})
    assert note_text(note) == (code if "{" in code else " needs – GB, but only – GB were free")
