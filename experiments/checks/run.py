"""The share of silent errors that ``check`` detects, and its false alarms on sound recordings.

    python -m experiments.checks.run

Recordings of every kind are checked unchanged and with one fault at a time, beside the other recordings unchanged, and
alone with what an encoder of the others knows. A fault counts as detected if a suspicion is of one of its kinds; a
jump or an exchange counts if its frame is right within a second. Thresholds were set on every second recording, and the
tables are of the others. Suspicions about the unchanged recordings are listed too; since these come from real tracking,
some of them are right.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from experiments.checks.faults import AMONG_OTHERS, LABELS, NO_FAULTS, TO_AN_ENCODER, Fault
from experiments.checks.material import Material, changed, read_material
from ssl_behavior.compute.progress import progress
from ssl_behavior.quality.pretraining_rules import check_against_pretraining
from ssl_behavior.quality.rules import Suspicion
from ssl_behavior.quality.vitals import typical_vitals

HERE = Path(__file__).parent
DATA = Path("../shared/data")
SEEDS = 3
_DATED = ("exchanged", "jump")
"""Kinds of suspicion that say at which frame."""
Materials = Mapping[str, Sequence[Material]]


def is_detected(fault: Fault, suspected: Sequence[Suspicion], frame: int | None, frame_rate: float) -> bool:
    """Whether a suspicion names the fault, and the right frame if it says one."""
    matches = [suspicion for suspicion in suspected if suspicion.kind in fault.kinds]
    if frame is None or fault.kinds[0] not in _DATED:
        return bool(matches)
    return any(abs(named - frame) <= frame_rate for suspicion in matches for named in suspicion.frames)


def count_detected(
    fault: Fault, materials: Sequence[Material], *, for_setting: bool, alone: bool, seeds: int = SEEDS
) -> str:
    """Detections of a fault, as text: a count, or the mean over the seeds with its range.

    Args:
        fault: fault to put into each recording.
        materials: recordings that can be compared with each other, in groups.
        for_setting: take the recordings on which thresholds were set.
        alone: compare each with what an encoder of the others knows, and not with the others.
        seeds: how often to draw a random fault.
    """
    counts, total = [], 0
    for seed in range(seeds if fault.is_random else 1):
        detected = []
        for material in materials:
            for recording in material.half(for_setting=for_setting):
                if (faulty := changed(material, recording, fault.apply, seed)) is None:
                    continue
                check = (
                    partial(material.suspected_alone, pretraining=material.pretraining(recording))
                    if alone
                    else material.suspected
                )
                # Labels take half of the time, and are not looked at for other faults.
                one = faulty[0] if fault in LABELS else replace(faulty[0], labels={})
                detected.append(is_detected(fault, check(one), faulty[1], recording.frame_rate))
        counts.append(sum(detected))
        total = len(detected)
    if not total:
        return "-"
    spread = f" ({min(counts)} to {max(counts)})" if min(counts) < max(counts) else ""
    return f"{np.mean(counts):.3g}{spread} of {total}"


def table_of_faults(faults: Sequence[Fault], materials: Materials, title: str, **how: bool) -> Iterator[str]:
    """A row per fault, a column per kind of recording."""
    yield f"| {title} | {' | '.join(materials)} |"
    yield "|---" * (1 + len(materials)) + "|"
    for fault in progress(faults, "faults", unit="fault", leave=False):
        counts = [
            count_detected(fault, group, for_setting=how["for_setting"], alone=how["alone"])
            for group in materials.values()
        ]
        yield f"| {fault.name} | {' | '.join(counts)} |"
    yield ""


def table_of_false_alarms(materials: Materials) -> Iterator[str]:
    """Recordings that an encoder of the others suspects, though only the camera changed, by kind of suspicion."""
    yield f"| suspected in vain of one new recording | {' | '.join(materials)} |"
    yield "|---" * (1 + len(materials)) + "|"
    for change in NO_FAULTS:
        cells = []
        for group in materials.values():
            kinds: Counter[str] = Counter()
            total = 0
            for material in group:
                for recording in material.half(for_setting=False):
                    if (other := changed(material, recording, change.apply, 0)) is None:
                        continue
                    total += 1
                    suspected = material.suspected_alone(other[0], material.pretraining(recording))
                    kinds.update({suspicion.kind for suspicion in suspected if suspicion.kind != "exchanged"})
            named = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            cells.append(f"{named or '0'} of {total}")
        yield f"| {change.name} | {' | '.join(cells)} |"
    yield ""


def table_of_strangers(materials: Materials) -> Iterator[str]:
    """Recordings that are unlike one half of the dyads: in the other half, and from other laboratories."""
    (dyads,) = materials["dyads"]
    reference = typical_vitals([dyads.poses[one.id] for one in dyads.half(for_setting=True)], dyads.landmarks)
    yield "| new to an encoder of 20 dyads | recordings | suspected, by kind |"
    yield "|---|---|---|"
    for name, group in materials.items():
        recordings = [
            (material.measured[recording.id], recording)
            for material in group
            for recording in (material.half(for_setting=False) if name == "dyads" else material.recordings)
        ]
        kinds = Counter(
            kind
            for vitals, recording in recordings
            for kind in {one.kind for one in check_against_pretraining("", vitals, reference, recording.unit)}
        )
        named = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        yield f"| {'the other dyads' if name == 'dyads' else name} | {len(recordings)} | {named or 'none'} |"
    yield ""


def table_of_alarms(materials: Materials) -> Iterator[str]:
    """Suspicions about recordings as they are, beside the others, by half; and each of them but exchanges in a line."""
    columns = [(name, for_setting) for name in materials for for_setting in (True, False)]
    alarms = {
        (name, for_setting): [
            suspicion
            for material in materials[name]
            for recording in material.half(for_setting=for_setting)
            for suspicion in material.suspected(recording)
        ]
        for name, for_setting in columns
    }
    titles = [f"{name}, {'set on' if for_setting else 'tested on'}" for name, for_setting in columns]
    yield f"| suspected of recordings as they are | {' | '.join(titles)} |"
    yield "|---" * (1 + len(columns)) + "|"
    totals = [
        sum(len(material.half(for_setting=for_setting)) for material in materials[name])
        for name, for_setting in columns
    ]
    yield f"| recordings | {' | '.join(map(str, totals))} |"
    counts = {column: Counter(suspicion.kind for suspicion in suspected) for column, suspected in alarms.items()}
    for kind in sorted({kind for by_kind in counts.values() for kind in by_kind}):
        yield f"| {kind} | {' | '.join(str(counts[column][kind]) for column in columns)} |"
    yield ""
    for (name, _), suspected in alarms.items():
        yield from (
            f"- {name} {alarm.video}: {alarm.kind}: {alarm.evidence}"
            for alarm in suspected
            if alarm.kind != "exchanged"
        )


def report(data: Path, *, for_setting: bool = False) -> str:
    """Measure everything; returns the tables in Markdown."""
    materials = read_material(data)
    half = "on which thresholds are set" if for_setting else "beside those on which thresholds are set"
    lines = [f"Recordings {half}; a random fault is drawn {SEEDS} times (seeds 0 to {SEEDS - 1}): mean and range.", ""]
    for faults, title, alone in (
        (AMONG_OTHERS, "fault, seen beside the other recordings", False),
        (TO_AN_ENCODER, "fault of one new recording, seen by what its encoder knows", True),
    ):
        lines += table_of_faults(faults, materials, title, for_setting=for_setting, alone=alone)
    lines += [*table_of_false_alarms(materials), *table_of_strangers(materials), *table_of_alarms(materials)]
    return "\n".join(lines)


def main() -> None:
    """Measure everything, and write results.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real recordings")
    parser.add_argument(
        "--setting", action="store_true", help="print the half on which thresholds are set, and write nothing"
    )
    arguments = parser.parse_args()
    text = f"`python -m experiments.checks.run`\n\n{report(arguments.data, for_setting=arguments.setting)}\n"
    print(text)
    if not arguments.setting:
        (HERE / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
