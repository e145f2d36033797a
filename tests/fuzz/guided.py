"""Fuzzing guided by coverage, with atheris: changes that reach new lines of a reader are kept and changed further.

    pip install atheris
    python -m tests.fuzz.guided --seconds 60

Each reader runs in a process of its own from a good file that ``fuzz`` starts from, too. What was run and found goes to
guided.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SECONDS, MEGABYTES = 20, 6000
"""For one file, the latter of the whole process."""
READERS = {
    "native .safetensors": ("native", "read", "tracks/video000.safetensors"),
    "pickles": ("pickles", "load", "calms21.npy"),
    "CalMS21 .json": ("calms21", "read", "calms21.json"),
    "DeepLabCut .csv": ("deeplabcut", "read", "table.csv"),
    "SLEAP .analysis.h5": ("sleap", "read", "a.analysis.h5"),
    "Caltech annotator": ("caltech_annotations", "read", "v_annot.txt"),
    "Bento .annot": ("bento", "read", "v.annot"),
    "BORIS .csv": ("boris", "read", "boris.csv"),
    "BORIS .boris": ("boris", "read", "v.boris"),
    "labels per frame .csv": ("frame_csv", "read", "v.csv"),
}


def guide(name: str, folder: Path, arguments: list[str]) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    module, function, good = READERS[name]
    with atheris.instrument_imports(include=["ssl_behavior.formats"]):
        import importlib

        read = getattr(importlib.import_module(f"ssl_behavior.formats.{module}"), function)
    from tests.fuzz.sandbox import outcome_of

    place = folder / "given" / Path(good).name
    place.parent.mkdir(exist_ok=True)

    def once(data: bytes) -> None:
        place.write_bytes(data)
        outcome = outcome_of(read, place)
        if outcome.is_find:
            raise RuntimeError(outcome.told)

    atheris.Setup([name, *arguments], once)
    atheris.Fuzz()


def report(seconds: int, finds: Path) -> str:
    """The table of executions and finds, in Markdown."""
    from tests.fuzz import seeds  # not above, as what is imported before atheris looks is not looked at

    finds.mkdir(parents=True, exist_ok=True)
    lines = ["| reader | files read | reached (edges) | finds |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        seeds.write(Path(folder))
        for name, (_, _, good) in READERS.items():
            corpus = Path(folder) / "corpus" / Path(good).name
            corpus.mkdir(parents=True)
            (corpus / "good").write_bytes((Path(folder) / good).read_bytes())
            words = ["-m", "tests.fuzz.guided", "--reader", name, "--folder", folder]
            limits = f"-max_total_time={seconds} -timeout={SECONDS} -rss_limit_mb={MEGABYTES} -close_fd_mask=3"
            words += [*limits.split(), "-seed=1", f"-artifact_prefix={finds}/{corpus.name}-", str(corpus)]
            told = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
            lines.append(f"| {name} | {' | '.join(counts(told.stderr))} | {int(told.returncode != 0)} |")
            print(lines[-1], flush=True)
            if told.returncode:
                print(told.stderr[-2000:], file=sys.stderr)
    return "\n".join(lines)


def counts(log: str) -> tuple[str, str]:
    """How many files libFuzzer ran and how many edges they reached, from what it says."""
    runs = re.findall(r"^#(\d+)\s", log, re.M)
    reached = re.findall(r"cov: (\d+)", log)
    return (f"{int(runs[-1]):,}" if runs else "0"), (reached[-1] if reached else "0")


def main() -> None:
    """Fuzz every reader, and write and print guided.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--finds", type=Path, default=Path("runs/robustness"), help="folder that finds are kept in")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given, rest = parser.parse_known_args()
    if rest and not given.reader:
        parser.error(f"there is no option {rest[0]}")
    try:
        import atheris  # noqa: F401
    except ImportError:
        parser.error("needs atheris, which is no dependency of the project: pip install atheris")
    if given.reader:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        guide(given.reader, given.folder, rest)
    os.environ["SSL_BEHAVIOR_CACHE"] = ""
    text = f"`python -m tests.fuzz.guided --seconds {given.seconds}`\n\n{report(given.seconds, given.finds)}\n"
    (HERE / "guided.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
