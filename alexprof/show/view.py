"""A run as a report looks at it: what is chosen, by the names that sentences use."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.analysis.estimator import leading_estimator
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.record.values import Interval, Stretch, Timed
from alexprof.show.fit import clean
from alexprof.show.options import ReportOptions

UNNAMED = "default"
"""The variant of a graph that was not given a name."""


@dataclass(frozen=True)
class View:
    """A run and what to show of it."""

    run: Run
    options: ReportOptions

    @property
    def phases(self) -> tuple[str, ...]:
        """Keys of the phases to show, in the order measured."""
        keys = dict.fromkeys(key for one in self.run.variants.values() for key in one.phases)
        return tuple(key for key in keys if self.options.phase in (None, key))

    @property
    def several_phases(self) -> bool:
        """Whether the run has more than one phase, shown or not."""
        return len({key for one in self.run.variants.values() for key in one.phases}) > 1

    @property
    def trace_alone(self) -> bool:
        """Whether there is no run around the trace: nothing was timed, and never will be."""
        return self.run.machine is None

    @property
    def variant(self) -> str | None:
        """The variant to look into; None in a run without any."""
        return self.options.variant or next(iter(self.run.variants), None)

    def phase(self, variant: str, key: str) -> Phase | None:
        """A variant's phase; None if the run has none."""
        return self.run.variants[variant].phases.get(key)

    def timed(self, variant: str, key: str) -> Timed | None:
        """The timed steps of a variant's phase; None if there are none."""
        phase = self.phase(variant, key)
        return phase.timed if phase else None

    def stretches(self, key: str) -> tuple[Stretch, ...]:
        """The slow stretches of a phase."""
        return tuple(one for one in self.run.stretches if one.phase == key)

    def ablations(self, key: str) -> tuple[Ablation, ...]:
        """What was measured by leaving ops out, in a phase."""
        known = self.run.variants
        return tuple(
            one
            for one in self.run.ablations
            if one.phase == key and one.reference in known and one.without in known
        )

    @property
    def by_median(self) -> bool:
        """Whether medians lead in the run."""
        return leading_estimator(self.run) == "median"

    def variant_label(self, variant: str) -> str:
        """A variant in sentences: "with LRN"."""
        known = self.run.variants.get(variant)
        return clean(known.label if known else variant)

    def needed_label(self, variant: str) -> tuple[str, ...]:
        """A variant's label; nothing for the only one of a run that nobody gave a name."""
        label = self.variant_label(variant)
        return () if label == UNNAMED and len(self.run.variants) == 1 else (label,)

    def phase_label(self, key: str) -> str:
        """A phase in sentences: "forward-backward"."""
        for variant in self.run.variants.values():
            if key in variant.phases:
                return in_sentence(clean(variant.phases[key].label))
        return clean(key)

    def other_label(self, variant: str, beside: str) -> str:
        """A variant named beside another: "without LRN" beside "with LRN" is "without"."""
        label, first = self.variant_label(variant), self.variant_label(beside)
        words, others = label.split(), first.split()
        while len(words) > 1 and len(others) > 1 and words[-1] == others[-1]:
            words, others = words[:-1], others[:-1]
        return " ".join(words) if words != others else label

    def ablation_label(self, ablation: Ablation) -> str:
        """What was left out, as the run itself writes it: "LRN" for "lrn"."""
        phase = self.phase(ablation.reference, ablation.phase)
        words = [kind.name for kind in phase.kinds] if phase else []
        words += self.variant_label(ablation.without).split()
        name = ablation.name.casefold()
        return clean(next((word for word in words if word.casefold() == name), ablation.name))


def includes_zero(interval: Interval | None) -> bool:
    """Whether an interval leaves open that there is no difference; False for None."""
    return interval is not None and interval[0] <= 0 <= interval[1]


def measured(ablation: Ablation, *, by_median: bool) -> tuple[float, Interval | None]:
    """The difference of an ablation and its interval, in seconds."""
    if by_median:
        return ablation.measured_median_s, ablation.median_ci95_s
    return ablation.measured_s, ablation.ci95_s


def centre(timed: Timed, *, by_median: bool) -> float:
    """Median or mean, in seconds."""
    return timed.median_s if by_median else timed.mean_s


def plural(number: int, noun: str, ending: str = "s") -> str:
    """A number and a noun: "1 step", "10 steps"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{ending}"


def article(noun: str) -> str:
    """Says "a" or "an", by the sound that the noun begins with."""
    spelled = noun[:2].isupper()  # an LSTM step, a GPU step
    return "an" if noun[:1] in ("AEFHILMNORSX" if spelled else "aeiou") else "a"


def sentence_case(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def in_sentence(label: str) -> str:
    """A label with its capital gone, unless it is an abbreviation: "Forward", but "LSTM step"."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
