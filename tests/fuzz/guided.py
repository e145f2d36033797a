"""Fuzzing that is guided by coverage, with atheris: changes that reach new lines of a reader are changed further.

    pip install atheris
    python -m tests.fuzz.guided --seconds 60

Each reader runs in a process of its own, from one of the good files of ``fuzz``. The counts of files and faults go to
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
"""Limits of the time for one file, and of the memory of the whole process."""
READERS = {
    "native .safetensors": ("tracks.native", "read", "tracks/video000.safetensors"),
    "pickles": ("untrusted.pickles", "load", "calms21.npy"),
    "CalMS21 .json": ("tracks.calms21", "read", "calms21.json"),
    "DeepLabCut .csv": ("tracks.deeplabcut", "read", "table.csv"),
    "SLEAP .analysis.h5": ("tracks.sleap", "read", "a.analysis.h5"),
    "Caltech annotator": ("annotations.caltech", "read", "v_annot.txt"),
    "Bento .annot": ("annotations.bento", "read", "v.annot"),
    "BORIS .csv": ("annotations.boris", "read", "boris.csv"),
    "BORIS .boris": ("annotations.boris", "read", "v.boris"),
    "labels per frame .csv": ("annotations.frame_csv", "read", "v.csv"),
    "bouts .csv": ("annotations.bout_csv", "read", "bouts.csv"),
    "0 and 1 .csv": ("annotations.one_hot", "read", "hot.csv"),
}


def guide(name: str, folder: Path, arguments: list[str]) -> None:
    """Fuzz one reader; atheris ends this process when it is done."""
    import atheris

    module, function, good = READERS[name]
    with atheris.instrument_imports(include=["ssl_behavior.formats"]):
        import importlib

        read = getattr(importlib.import_module(f"ssl_behavior.formats.{module}"), function)
    from tests.fuzz.sandbox import outcome_of

    path = folder / "input" / Path(good).name
    path.parent.mkdir(exist_ok=True)

    def read_once(data: bytes) -> None:
        path.write_bytes(data)
        outcome = outcome_of(read, path)
        if outcome.is_fault:
            raise RuntimeError(outcome.message)

    atheris.Setup([name, *arguments], read_once)
    atheris.Fuzz()


def report(seconds: int, finds: Path) -> str:
    """Fuzz every reader; returns a table of files and faults in Markdown."""
    from tests.fuzz import seeds  # here, because atheris does not see modules that were imported before it

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
            done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
            lines.append(f"| {name} | {' | '.join(counts(done.stderr))} | {int(done.returncode != 0)} |")
            print(lines[-1], flush=True)
            if done.returncode:
                print(done.stderr[-2000:], file=sys.stderr)
    return "\n".join(lines)


def counts(log: str) -> tuple[str, str]:
    """The number of files and of edges reached, from libFuzzer's log."""
    runs = re.findall(r"^#(\d+)\s", log, re.M)
    reached = re.findall(r"cov: (\d+)", log)
    return (f"{int(runs[-1]):,}" if runs else "0"), (reached[-1] if reached else "0")


def main() -> None:
    """Fuzz every reader and write guided.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--finds", type=Path, default=Path("runs/fuzz"), help="folder for files that show a fault")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments, rest = parser.parse_known_args()
    if rest and not arguments.reader:
        parser.error(f"there is no option {rest[0]}")
    try:
        import atheris  # noqa: F401
    except ImportError:
        parser.error("atheris is missing, and is not a dependency of the project; run pip install atheris")
    if arguments.reader:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        guide(arguments.reader, arguments.folder, rest)
    os.environ["SSL_BEHAVIOR_CACHE"] = ""
    text = (
        f"`python -m tests.fuzz.guided --seconds {arguments.seconds}`\n\n{report(arguments.seconds, arguments.finds)}\n"
    )
    (HERE / "guided.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
