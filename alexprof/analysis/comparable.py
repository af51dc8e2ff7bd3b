"""Can two runs be compared at all? What differs between them, and what that spoils."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.changes import Doubt, Spoils
from alexprof.analysis.interference_clauses import differences, percent
from alexprof.analysis.sides import Member, Pair, phases_of
from alexprof.record.interference import Interference
from alexprof.record.run import MachineRecord, Run

QUANTITIES = frozenset(
    (
        *("num_batches", "trace_steps", "variants", "phases", "block_steps", "interleave"),
        *("burn_in", "until_steady", "precision", "max_time_s"),
    )
)
"""Settings that say how much was measured: what a step takes doesn't depend on them."""
WORK = frozenset(("batch_size", "image_size"))
"""Settings that say how much a step has to do."""
LOADED = 2.0
"""Processes for each core before a run began, from which on its times are not to be trusted: the
run before it leaves up to about 1 behind."""
TAKEN = 0.25
"""Part of the cores that others may have during a phase: where they have more, steps take a third
longer and nobody knows how much exactly."""
UNEVEN = 0.75
"""Processes for each core by which two runs' load may differ before it is worth saying."""


def doubts(a: Member, b: Member, pairs: list[Pair]) -> list[Doubt]:
    """What speaks against comparing two runs, the worst first.

    Args:
        a: The one.
        b: The other.
        pairs: The variants that stand beside each other.
    """
    found = [*_nothing_common(a, b, pairs)]
    if a.folder != b.folder:
        found += [*_work(a, b), *_machine(a, b), *_versions(a, b), *_load(a, b)]
        found += _around(a, b, pairs)
    else:
        found.append(_ablation(pairs))
    for one in dict.fromkeys((a.run.run, b.run.run)):
        found += _incomplete(a.run if one == a.run.run else b.run)
    found += _devices(a, b, pairs)
    rank = ("times", "cause", "nothing")
    found = list(dict.fromkeys(found))
    return sorted(found, key=lambda one: rank.index(one.spoils))


def _doubt(spoils: Spoils, text: str) -> Doubt:
    return Doubt(text=text, spoils=spoils)


def _nothing_common(a: Member, b: Member, pairs: list[Pair]) -> Iterator[Doubt]:
    if not pairs:
        ours, theirs = (", ".join(one.run.variants) or "none" for one in (a, b))
        yield _doubt("cause", f"no variant in common: {a.name} has {ours}, {b.name} has {theirs}")
    elif not any(list(phases_of(a, b, pair)) for pair in pairs):
        yield _doubt("cause", f"no phase in common: nothing of {a.name} is in {b.name}")
    if a.variant is None and b.variant is None:
        for one in (a, b):
            paired = {name for pair in pairs for name in pair}
            for name in one.run.variants:
                if name not in paired:
                    yield _doubt("nothing", f"variant {name} is in {one.name} only")
    for pair in pairs:
        for one, other, at in ((a, b, 0), (b, a, 1)):
            known = other.run.variants[pair[1 - at]].phases
            for key in one.run.variants[pair[at]].phases:
                if key not in known:
                    yield _doubt("nothing", f"phase {key} of {pair[at]} is in {one.name} only")


def _ablation(pairs: list[Pair]) -> Doubt:
    names = ", ".join(f"{one} and {other}" for one, other in pairs)
    return _doubt("nothing", f"{names} are variants of one run: they differ on purpose")


def _work(a: Member, b: Member) -> Iterator[Doubt]:
    ours, theirs = a.run.workload, b.run.workload
    if ours is None or theirs is None:
        if ours or theirs:
            yield _doubt("cause", "one of them says what was asked for, the other does not")
        else:
            yield _doubt(
                "nothing", "what was asked for is not recorded: settings can't be compared"
            )
        return
    if ours.name != theirs.name:
        yield _doubt("cause", f"the workload differs ({ours.name}, {theirs.name}): other ops")
        return
    for name in ours.settings:
        one, other = ours.settings[name], theirs.settings.get(name)
        if name in QUANTITIES or name not in theirs.settings or one == other:
            continue
        said = f"{name.replace('_', ' ')} differs ({_plain(one)}, {_plain(other)})"
        if name == "seed":
            yield _doubt("nothing", f"{said}: other numbers, the same work")
        elif name in WORK:
            yield _doubt("cause", f"{said}: a step has not the same work to do")
        else:
            yield _doubt("cause", f"{said}: that alone may be the difference")


def _machine(a: Member, b: Member) -> Iterator[Doubt]:
    ours, theirs = a.run.machine, b.run.machine
    if ours is None or theirs is None:
        yield _doubt("cause", "where one of them ran is not recorded")
        return
    for what, one, other in (
        ("the processor differs", ours.host.processor, theirs.host.processor),
        ("the number of cores differs", ours.host.cores, theirs.host.cores),
        ("the accelerators differ", _accelerators(ours), _accelerators(theirs)),
    ):
        if one != other:
            said = f"{what} ({one}, {other})"
            yield _doubt("cause", f"{said}: machines are compared, not programs")
    if ours.host.system != theirs.host.system:
        yield _doubt("nothing", f"the system differs ({ours.host.system}, {theirs.host.system})")


def _accelerators(machine: MachineRecord) -> str:
    return " + ".join(one.description for one in machine.accelerators) or "none"


def _versions(a: Member, b: Member) -> Iterator[Doubt]:
    for what, one, other in version_changes(a.run, b.run):
        yield _doubt("nothing", f"{what} differs ({one}, {other}): it may be the cause")


def version_changes(a: Run, b: Run) -> Iterator[tuple[str, str, str]]:
    """What of the software differs: its name, A's version, B's."""
    if a.machine is None or b.machine is None:
        return
    ours, theirs = a.machine.software, b.machine.software
    for what, one, other in (
        ("TensorFlow", ours.tensorflow, theirs.tensorflow),
        ("Python", ours.python, theirs.python),
        ("NumPy", ours.numpy, theirs.numpy),
        ("AlexProf", ours.alexprof, theirs.alexprof),
        ("oneDNN", ours.onednn, theirs.onednn),
    ):
        if one != other and one is not None and other is not None:
            yield what, _plain(one), _plain(other)


def too_busy(member: Member) -> list[Doubt]:
    """Whether other programs took so much time from a run that its times say nothing."""
    run = member.run
    read = _readings(member)
    if not read:
        host = run.machine.host if run.machine else None
        if host is None or (host.load_before or 0) < LOADED * host.cores:
            return []
        said = f"{run.run} began with a load of {host.load_before:g} on {host.cores} cores"
        return [_doubt("times", f"{said}: other programs took time from it, so no verdict")]
    key, worst = max(read, key=lambda reading: reading[1].lost_part)
    if worst.lost_part < TAKEN:
        return []
    said = f"in {key} of {run.run} others had {percent(worst.lost_part)} of the cores"
    return [_doubt("times", f"{said}: its times are theirs too, so no verdict")]


def _readings(member: Member) -> list[tuple[str, Interference]]:
    """Phases with what went on around them, where it is known what others used."""
    return [
        (key, phase.interference)
        for name, variant in member.run.variants.items()
        if member.variant in (None, name)
        for key, phase in variant.phases.items()
        if phase.interference is not None and phase.interference.cpu_others is not None
    ]


def _load(a: Member, b: Member) -> Iterator[Doubt]:
    """Others beside the runs; the load before them only where nothing was read around steps."""
    found = [*too_busy(a), *too_busy(b)]
    yield from found
    if found or a.run.machine is None or b.run.machine is None:
        return
    ours, theirs = a.run.machine.host, b.run.machine.host
    known = _readings(a) and _readings(b)
    if known or ours.load_before is None or theirs.load_before is None:
        return
    if abs(ours.load_before / ours.cores - theirs.load_before / theirs.cores) >= UNEVEN:
        said = f"the load before differs ({ours.load_before:g}, {theirs.load_before:g})"
        yield _doubt("nothing", f"{said}: other programs may have run beside one of them")


def _around(a: Member, b: Member, pairs: list[Pair]) -> Iterator[Doubt]:
    """What went on beside a phase in one run and not in the other."""
    for pair in pairs:
        for key in phases_of(a, b, pair):
            ours = a.run.variants[pair[0]].phases[key].interference
            theirs = b.run.variants[pair[1]].phases[key].interference
            if ours is not None and theirs is not None:
                unlike = list(differences(ours, theirs))
                if unlike:
                    yield _doubt("nothing", f"{key}, {a.name} and {b.name}: {'; '.join(unlike)}")


def _incomplete(run: Run) -> Iterator[Doubt]:
    if not run.complete:
        yield _doubt("nothing", f"{run.run} is incomplete: what it finished is compared")


def _devices(a: Member, b: Member, pairs: list[Pair]) -> Iterator[Doubt]:
    seen = set()
    for pair in pairs:
        for key in phases_of(a, b, pair):
            ours, theirs = a.run.variants[pair[0]].phases[key], b.run.variants[pair[1]].phases[key]
            label = f"{key} of {pair[0] if pair[0] == pair[1] else ' and '.join(pair)}"
            for one, phase in ((a, ours), (b, theirs)):
                if phase.timed is None:
                    yield _doubt("nothing", f"{label} was not timed in {one.name}")
                if phase.attribution is None:
                    yield _doubt(
                        "nothing", f"{label} has no trace in {one.name}: no layers, kinds and ops"
                    )
            if ours.timed and theirs.timed and ours.timed.fetch != theirs.timed.fetch:
                seen.add("results were fetched in one of them only: a step ends elsewhere")
            if ours.attribution and theirs.attribution:
                one_device, other = ours.attribution.device, theirs.attribution.device
                if one_device != other:
                    seen.add(
                        f"the step is divided on other devices ({one_device}, {other}): op times "
                        "and kernel times are not set beside each other"
                    )
    for text in sorted(seen):
        yield _doubt("cause", text)
    for one in (a, b) if a.folder != b.folder else (a,):
        slow = {stretch.phase for stretch in one.run.stretches}
        if slow:
            worst = max(stretch.ratio for stretch in one.run.stretches)
            yield _doubt(
                "nothing",
                f"{one.name} had steps slow in a row ({', '.join(sorted(slow))}; up to "
                f"{worst:.2f}×): the means follow them, "
                "report leads with medians there",
            )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "+".join(map(str, value))
    return str(value)
