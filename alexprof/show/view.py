"""A run as a report looks at it: what is chosen, by the names that sentences use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from msgspec import structs

from alexprof.analysis.difference import leading_estimator
from alexprof.analysis.findings import Finding, findings_of
from alexprof.analysis.savings import MeasuredSaving, ablation_of, measured_savings
from alexprof.analysis.summary import StepTime, Summary, step_times, summarize
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.record.timed import Timed
from alexprof.show.numbers import Unit, table_unit
from alexprof.show.options import ReportOptions
from alexprof.show.text import in_sentence, listed

UNNAMED = "default"
"""The variant of a graph that was not given a name."""


@dataclass(frozen=True)
class View:
    """A run and what to show of it."""

    run: Run
    options: ReportOptions

    @cached_property
    def summary(self) -> Summary:
        """The run's answers."""
        return summarize(self.run, self.options.variant)

    # What a list of runs needs, without the rest of the summary:

    @cached_property
    def steps(self) -> tuple[StepTime, ...]:
        """The summary's timed steps."""
        return step_times(self.run)

    @cached_property
    def all_savings(self) -> tuple[MeasuredSaving, ...]:
        """The summary's savings."""
        return measured_savings(self.run)

    @cached_property
    def all_findings(self) -> tuple[Finding, ...]:
        """The summary's findings."""
        return findings_of(self.run)

    @property
    def outside(self) -> Finding | None:
        """The finding that the marked steps of a trace hold little of it; None without."""
        findings = self.all_findings
        return next((finding for finding in findings if finding.code.startswith("outside_")), None)

    @property
    def phases(self) -> tuple[str, ...]:
        """Keys of the phases to show."""
        return tuple(key for key in self.run.phase_keys if self.options.phase in (None, key))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What to know of the phases to show, the most harmful first."""
        findings = []
        for finding in self.all_findings:
            phases = tuple(key for key in finding.phases if key in self.phases)
            if phases or not finding.phases:
                findings.append(structs.replace(finding, phases=phases))
        return tuple(findings)

    @property
    def several_phases(self) -> bool:
        """Whether the run has more than one phase, shown or not."""
        return len(self.run.phase_keys) > 1

    @property
    def variant(self) -> str:
        """The variant to look into; "" in a run without any."""
        return self.options.variant or next(iter(self.run.variants), "")

    def phase(self, variant: str, key: str) -> Phase | None:
        """A variant's phase; None if the run has none."""
        return self.run.phase(variant, key)

    def timed(self, variant: str, key: str) -> Timed | None:
        """The timed steps of a variant's phase; None if there are none."""
        phase = self.phase(variant, key)
        return phase.timed if phase else None

    def timed_of(self, key: str) -> dict[str, Timed]:
        """The timed steps of a phase by variant."""
        names = self.run.variants
        return {name: timed for name in names if (timed := self.timed(name, key))}

    def step(self, variant: str, key: str) -> StepTime | None:
        """How long a variant's step takes; None if it was not timed."""
        steps = {(step.variant, step.phase): step for step in self.steps}
        return steps.get((variant, key))

    def step_s(self, saving: MeasuredSaving) -> float | None:
        """The duration of the step that a saving belongs to, in seconds; None if not timed."""
        step = self.step(saving.reference, saving.phase)
        return step.center_s if step else None

    def savings(self, key: str) -> list[MeasuredSaving]:
        """What leaving ops out saves in a phase, the largest first."""
        return [saving for saving in self.all_savings if saving.phase == key]

    @property
    def headlines(self) -> list[MeasuredSaving]:
        """The saving to name first, of each phase to show that has any."""
        summary = self.summary
        return [summary.savings[summary.headline[key]] for key in self.phases if self.savings(key)]

    def largest_label(self, key: str) -> str:
        """The layer that takes most of a step: "conv2"; of two "each of the 2 largest layers"."""
        first, *others = self.summary.largest[key].names
        return f"each of the {1 + len(others)} largest layers" if others else first

    def unit(self, times_s: Sequence[float | None], step_s: float | None) -> Unit:
        """The unit of a table of times; `step_s` is the step that they are of."""
        return table_unit(times_s)

    def ablation(self, saving: MeasuredSaving) -> Ablation:
        """The record of a saving."""
        return ablation_of(self.run, saving)

    @property
    def by_median(self) -> bool:
        """Whether medians lead in the run."""
        return leading_estimator(self.run) == "median"

    def variant_label(self, variant: str) -> str:
        """A variant in sentences: "with LRN"."""
        record = self.run.variants.get(variant)
        return record.label if record else variant

    def needed_label(self, variant: str) -> tuple[str, ...]:
        """A variant's label; nothing for the only one of a run that nobody gave a name."""
        label = self.variant_label(variant)
        return () if label == UNNAMED and len(self.run.variants) == 1 else (label,)

    def phase_label(self, key: str) -> str:
        """A phase in sentences: "forward-backward"."""
        for variant in self.run.variants.values():
            if key in variant.phases:
                return in_sentence(variant.phases[key].label)
        return key

    def other_label(self, variant: str, beside: str) -> str:
        """A variant named beside another: "without LRN" beside "with LRN" is "without"."""
        label, first = self.variant_label(variant), self.variant_label(beside)
        words, others = label.split(), first.split()
        while len(words) > 1 and len(others) > 1 and words[-1] == others[-1]:
            words, others = words[:-1], others[:-1]
        return " ".join(words) if words != others else label

    def saving_label(self, saving: MeasuredSaving | Ablation) -> str:
        """What was left out, as the run itself writes it: "LRN" for "lrn"."""
        phase = self.phase(saving.reference, saving.phase)
        words = [kind.name for kind in phase.kinds] if phase else []
        words += self.variant_label(saving.without).split()
        name = saving.name.casefold()
        return next((word for word in words if word.casefold() == name), saving.name)

    def left_out_text(self, saving: MeasuredSaving) -> str:
        """The same for a sentence; if part of a layer stays, the ops that go: "conv1’s BiasAdd"."""
        label = self.saving_label(saving)
        if saving.kinds is None:
            return f"what can go of {label}"
        return f"{label}’s {listed(saving.kinds)}" if saving.kinds else label

    def left_out_label(self, saving: MeasuredSaving | Ablation) -> str:
        """The same beside layers, one of which may have its name."""
        phase, label = self.phase(saving.reference, saving.phase), self.saving_label(saving)
        is_layer = phase is not None and label in {layer.name for layer in phase.layers}
        return f"{label}, as left out" if is_layer else label
