"""A record holds codes and figures: what is said of them is `show`'s, a template for each code."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import alexprof
from alexprof.analysis import findings
from alexprof.analysis.findings import HARM
from alexprof.attribute.division import IDLE_REASONS
from alexprof.errors import AlexProfError, DamageError, RunError, UsageError
from alexprof.files import writing
from alexprof.record.note import Note, distinct, note_of
from alexprof.record.store import save_run
from alexprof.show.finding_texts import TEMPLATES
from alexprof.show.reason_texts import REASON_TEXTS
from alexprof.xplane import read_trace
from tests.show.test_reports import RUNS

WRITTEN_BY_OTHERS = {"text", "label", "source", "description", "processor", "system"}
"""Fields that hold what TensorFlow, CUPTI, the operating system or the user wrote."""
MOST_WORDS = 4
"""A name has no more: "with LRN and bias"."""


def strings(value: object, field: str = "") -> Iterator[tuple[str, str]]:
    """Each string of a JSON value, with the field that it is in."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from strings(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part, field)


def constants(node: ast.AST) -> set[str]:
    """The texts in a piece of source."""
    found = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return {value for value in found if isinstance(value, str)}


SOURCES = [
    ast.parse(path.read_text(encoding="utf-8"))
    for path in Path(alexprof.__file__).parent.rglob("*.py")
    if path.parent.name not in ("show", "sections", "outputs")
]


def codes_made() -> set[str]:
    """The codes of the notes and findings that are made right where their code is written."""
    calls = (node for tree in SOURCES for node in ast.walk(tree) if isinstance(node, ast.Call))
    codes: set[str] = set()
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in ("Note", "_finding"):
            code = call.args[0]
            if isinstance(code, ast.Constant | ast.IfExp):
                codes |= constants(code)
        if getattr(call.func, "id", "").endswith("Error"):
            codes.update(
                *(constants(keyword.value) for keyword in call.keywords if keyword.arg == "code")
            )
    return codes | {error.code for error in error_types(AlexProfError)}


def error_types(error_type: type[AlexProfError]) -> set[type[AlexProfError]]:
    return {error_type}.union(*map(error_types, error_type.__subclasses__()))


def test_no_sentence_of_ours_is_in_a_record(tmp_path):
    for name, make in RUNS.items():
        save_run(tmp_path / name, make())
        saved = json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8"))
        for field, text in strings(saved):
            if field not in WRITTEN_BY_OTHERS:
                assert len(text.split()) <= MOST_WORDS, (field, text)
                assert not text.endswith("."), (field, text)


def test_each_code_has_a_template_and_each_template_a_code():
    assert HARM.keys() <= TEMPLATES.keys() - REASON_TEXTS.keys(), "a finding's is in finding_texts"
    assert codes_made() <= TEMPLATES.keys()
    written = set().union(*map(constants, SOURCES))
    made = written | {f"bound_by_{reason}" for reason in IDLE_REASONS}
    assert made >= TEMPLATES.keys()


def test_a_record_holds_what_an_error_is_about_and_not_its_sentence(tmp_path):
    trace = tmp_path / "vm.xplane.pb"
    trace.write_bytes(b"\x0a\x05\x12\x09cut")
    with pytest.raises(DamageError) as caught:
        read_trace(trace)
    assert note_of(caught.value) == Note("trace_damaged", {"byte": 2}, (str(trace),))
    with pytest.raises(RunError) as refused, writing(Path("there")):
        raise OSError(28, "No space left on device")
    assert note_of(refused.value) == Note(
        "not_written", names=("there",), text="No space left on device"
    )
    assert note_of(UsageError("a sentence")) == Note("refused")


def test_repeated_notes_are_left_out():
    first, second = Note("xla_fused"), Note("steps_overlap", {"steps": 2})
    assert distinct((first, second, Note("xla_fused"))) == (first, second)


def test_findings_that_analysis_computes_are_not_notes_in_records():
    tree = ast.parse(Path(findings.__file__).read_text(encoding="utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    made = [call.args[0] for call in calls if getattr(call.func, "id", "") == "_finding"]
    codes = set().union(*map(constants, made))
    waits = {code for code in findings.HARM if code.startswith("bound_by_")}
    assert codes - {"bound_by_"} | waits | {"stopped", "imprecise"} == findings.WORKED_OUT
