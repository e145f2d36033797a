"""``python -m experiments.same_files --before REVISION``: do two versions of the code write the same files?

A rebuild that promises to change nothing is held to it here. The same commands (pretrain, finetune, predict, evaluate,
embed, cluster, search) run on real dyads with the code of ``--before`` and with the code of this checkout, in the same
folder, one after the other, and every file is compared to the bit. Two things are compared by content: settings and
scores, whose keys may stand in another order, and tables without their column of seconds or of sentences. New and
renamed settings, pictures and pages are named; they are for people, and are no difference in the results.

Threads change the order of sums, so everything runs on one.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]
LEARNED, HELD_OUT = ("1", "2", "4", "6"), ("7", "8")
TEXT = {".csv", ".json", ".txt", ".yaml", ".annot", ".boris", ".html"}
COMMANDS = (
    "pretrain --recordings {learned} --output encoder --steps 50 --device cpu",
    "finetune --encoder encoder --recordings {learned} --annotations {learned_labels} --channel S1 --output model"
    " --supervision.steps 20 --supervision.trees 20 --device cpu",
    "predict --model model --recordings {held_out} --output predictions --device cpu",
    "evaluate --predictions predictions --annotations {held_out_labels} --channel S1 --bootstrap 50",
    "embed --encoder encoder --recordings {held_out} --annotations {held_out_labels} --output atlas --device cpu",
    "cluster --atlas atlas",
    "search --atlas atlas --video 7 --frames 300:360 --output search.csv",
    "convert --recordings {learned} --output fast",
    "check --recordings {held_out} --annotations {held_out_labels} --channel S1 --output checked",
)
"""One after the other in an empty folder; each reads what those before it wrote."""
RENAMED = {"landmarks: ": "anchors: "}
"""Settings that have another name since: in 0.1.0 the frames that clusters are fitted to were called landmarks."""
IGNORED = {"metrics.csv": "seconds", "suspicions.csv": "evidence"}
"""Columns that hold times, or sentences for people."""
FOR_PEOPLE = {".png", ".html"}


def run(code: Path, folder: Path, data: Path) -> None:
    """Run all commands with the code of a checkout, in ``folder``, on one thread."""
    folder.mkdir(parents=True)
    tracks = {name: next((data / "tracks").glob(f"{name}DLC*")) for name in LEARNED + HELD_OUT}
    labels = {name: data / "annotations" / f"{name}_annot.txt" for name in tracks}
    places = {
        "learned": " ".join(str(tracks[name]) for name in LEARNED),
        "learned_labels": " ".join(str(labels[name]) for name in LEARNED),
        "held_out": " ".join(str(tracks[name]) for name in HELD_OUT),
        "held_out_labels": " ".join(str(labels[name]) for name in HELD_OUT),
    }
    own = {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", "SSL_BEHAVIOR_CACHE": "", "MPLBACKEND": "Agg"}
    for line in COMMANDS:
        name, *words = line.format(**places).split()
        print(f"  {name}", flush=True)
        log = folder.with_name(f"{folder.name}.log")
        with open(log, "a", encoding="utf-8") as output:
            command = [sys.executable, "-m", f"ssl_behavior.{name}", *words]
            done = subprocess.run(command, cwd=folder, env=os.environ | own, stdout=output, stderr=output, check=False)
        if done.returncode:
            sys.exit(f"{name} ended with exit code {done.returncode}; its messages are in {log}")


def differences(before: Path, after: Path) -> list[str]:
    """A line for each file that is on one side only, or that differs; of texts, the lines that differ too."""
    files = [{path.relative_to(side) for path in side.rglob("*") if path.is_file()} for side in (before, after)]
    lines = [f"only before: {path}" for path in sorted(files[0] - files[1])]
    lines += [f"only after:  {path}" for path in sorted(files[1] - files[0])]
    for path in sorted(files[0] & files[1]):
        if (before / path).read_bytes() == (after / path).read_bytes():
            continue
        contents = [content(side / path) for side in (before, after)]
        if contents[0] is not None and contents[0] == contents[1]:
            continue
        if path.suffix in FOR_PEOPLE:
            print(f"  {path}: looks or reads differently")
            continue
        if is_settings(path) and contents[0].items() <= contents[1].items():
            print(f"  {path}: new settings {', '.join(sorted(contents[1].keys() - contents[0].keys()))}")
            continue
        lines.append(f"differs:     {path}")
        if path.suffix in TEXT:
            texts = [(side / path).read_text(encoding="utf-8").splitlines() for side in (before, after)]
            lines += [f"    {line}" for line in difflib.unified_diff(*texts, n=0, lineterm="")][2:40]
    return lines


def is_settings(path: Path) -> bool:
    """Whether a file holds the settings of a command."""
    return path.name == "settings.yaml"


def content(path: Path) -> Any:
    """The content of a file of settings, scores or a training log, in a form where only its meaning counts."""
    text = path.read_text(encoding="utf-8") if path.suffix in TEXT else ""
    if is_settings(path):
        for old, new in RENAMED.items():
            text = text.replace(old, new)
        return {name: json.dumps(value, sort_keys=True) for name, value in yaml.safe_load(text).items()}
    if path.suffix == ".json":
        return json.loads(text)
    if path.name in IGNORED:
        rows = csv.DictReader(text.splitlines())
        return [{name: value for name, value in row.items() if name != IGNORED[path.name]} for row in rows]
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", required=True, help="git revision to compare with")
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data" / "dyads")
    parser.add_argument("--output", type=Path, default=PROJECT / "runs" / "same_files")
    given = parser.parse_args()
    output = given.output.resolve()
    before = output / f"before-{given.before}"
    if not before.is_dir():
        code = output / "code"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", given.before], cwd=PROJECT, stdout=subprocess.PIPE, check=True)
        code.mkdir()
        subprocess.run(["tar", "-x", "-C", str(code)], input=archive.stdout, check=True)
        print(f"with the code of {given.before}:")
        run(code, output / "files", given.data)
        (output / "files").rename(before)
    shutil.rmtree(output / "files", ignore_errors=True)
    print("with the code of this checkout:")
    run(PROJECT, output / "files", given.data)
    count = sum(path.is_file() for path in before.rglob("*"))
    if lines := differences(before, output / "files"):
        sys.exit("\n".join([*lines, f"of {count} files, not all are the same"]))
    print(f"all {count} files are the same")


if __name__ == "__main__":
    main()
