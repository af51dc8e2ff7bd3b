"""What verdicts are called: one phrase for each meaning, in every output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from alexprof.analysis.savings import MeasuredSaving, SavingVerdict
from alexprof.record.values import Difference, Needed, NeededCode, Outcome, Reason, Verdict
from alexprof.show.document import Remark
from alexprof.show.text import plural, sentence_case

if TYPE_CHECKING:
    from alexprof.analysis.gate import GateResult, Judged

VERDICTS: dict[Verdict | SavingVerdict, str] = {
    "slower": "slower",
    "faster": "faster",
    "saves": "saves",
    "costs": "costs",
    "same": "the same",
    "unclear": "unclear",
}
"""“Unclear”: the interval includes no difference, but is too wide to call the two the same."""
OUTCOMES: dict[Outcome, str] = {"within": "within", "slower": "slower", "unclear": "unclear"}
"""Of a gate: against what is allowed."""
CANT_TELL = "can’t tell"
"""The data allow no verdict; a reason follows."""
WHY_CANT_TELL: dict[Reason, str] = {
    "machine_busy": "the machine was busy",
    "outside_steps": "the marked steps hold too little of their loop",
    "no_interval": "too little data",
}
_NEEDED: dict[NeededCode, str] = {
    "positive_times": "times above 0 on both sides",
    "three_runs": "three runs of each",
    "quiet": "runs on an idle machine",
    "whole_steps": "markers around all that a step does",
    "fewer_compared": "more data: with so many comparisons, such a difference may be chance",
    "other_bound": "a different bound: the slow-down is too close to the allowed one",
}
_COUNTED: dict[NeededCode, tuple[str, str]] = {
    "more_blocks": ("more block", " of each"),
    "more_pairs": ("more pair", " of processes"),
    "more_runs": ("more run", " of each"),
}


def verdict_word(difference: Difference | MeasuredSaving) -> str:
    """A verdict as the cell of a table says it."""
    return CANT_TELL if difference.reason in WHY_CANT_TELL else VERDICTS[difference.verdict]


def verdict_phrase(difference: Difference | MeasuredSaving) -> str:
    """A verdict as a sentence says it: "slower", "can't tell: the machine was busy"."""
    why = WHY_CANT_TELL.get(difference.reason) if difference.reason else None
    return f"{CANT_TELL}: {why}" if why else VERDICTS[difference.verdict]


def gate_word(result: GateResult, subject: Judged) -> str:
    """Whether something that has a bound passes, as the cell of a table says it."""
    if result.comparable and subject.difference.reason not in WHY_CANT_TELL:
        return OUTCOMES[subject.outcome]
    return CANT_TELL


def needed_text(needed: Needed) -> str:
    """What a verdict would take, for the middle of a sentence."""
    if needed.code == "runs":
        return f"about {needed.count} runs of each, not {needed.now}"
    if needed.code in ("steps", "blocks"):
        return f"at least {needed.count} {needed.code} of each"
    if needed.code not in _COUNTED:
        return _NEEDED[needed.code]
    noun, rest = _COUNTED[needed.code]
    return f"about {plural(needed.count, noun)}{rest}" if needed.count else f"{noun}s{rest}"


def needed_notes(needs: Iterable[tuple[str, Needed | None]], verb: str) -> Iterator[Remark]:
    """What verdicts would take: the name of each thing and its need; those of one need together."""
    names: dict[Needed, list[str]] = {}
    for name, needed in needs:
        if needed is not None:
            names.setdefault(needed, []).append(name)
    for needed, with_it in names.items():
        yield Remark(f"{sentence_case('; '.join(with_it))}: {verb} {needed_text(needed)}.")
