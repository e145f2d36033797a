"""F1 on eight held-out videos of the dyads for 3, 10 and 32 labelled videos, with and without pretraining.

    python experiments/dyads/few_labels.py --data ../shared/data/dyads --jobs 2

Pretrains one encoder on the tracks of the other 32 videos (inductive: nothing of the eight is seen), then fine-tunes
with the shipped defaults in three variants: a linear head on the frozen encoder, the whole network tuned, and the same
network from scratch. A seed chooses both the labelled videos and the random numbers, so its spread is mostly that of
which videos are labelled; all variants get the same videos. Each fine-tuning chooses its steps and decoding by
cross-validation over its labelled videos. What is done is kept in runs/few_labels and, while settings stay the same,
not done again; remove the folder after a change of the code.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ssl_behavior import predictions
from ssl_behavior.commands import load_settings
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.figures import Strip, ethogram
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.annotations import read_annotations
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.supervision import Supervision

HERE = Path(__file__).parent
RUNS = Path("runs/few_labels")
HELD_OUT = tuple((HERE / "held_out.txt").read_text().split())
SIZES, SEEDS = (3, 10, 32), (0, 1, 2)
VARIANTS = ("frozen linear", "tuned", "from scratch")


def tracks(data: Path) -> tuple[Path, ...]:
    """Track files of the 32 videos that may be learned from."""
    files = sorted((data / "tracks").glob("*.csv.gz"))
    return tuple(file for file in files if file.name.split("DLC")[0] not in HELD_OUT)


def held_out_tracks(data: Path) -> tuple[Path, ...]:
    """Track files of the eight."""
    return tuple(sorted(set((data / "tracks").glob("*.csv.gz")) - set(tracks(data))))


def annotations(data: Path) -> tuple[Path, ...]:
    """Annotation files of the 32."""
    return tuple(data / "annotations" / f"{file.name.split('DLC')[0]}_annot.txt" for file in tracks(data))


def is_of(config: FinetuneConfig | PretrainConfig, folder: Path) -> bool:
    """Whether the folder holds what these settings make."""
    path = folder / "settings.yaml"
    return path.exists() and load_settings(type(config), path) == config


def one(task: tuple[Path, str, int, int]) -> dict[str, float | str]:
    """Fine-tune, predict and score one variant, number of videos and seed."""
    data, variant, videos, seed = task
    folder = RUNS / f"{variant.replace(' ', '-')}-{videos}-{seed}"
    scores = folder / "predictions" / "scores" / "scores.json"
    started = time.perf_counter()
    config = FinetuneConfig(
        recordings=tracks(data),
        encoder=RUNS / "encoder",
        annotations=annotations(data),
        channel="S1",
        unscored=("base",),
        output=folder / "model",
        train_videos=videos,
        from_scratch=variant == "from scratch",
        supervision=replace(Supervision(), tune="linear" if variant == "frozen linear" else "full"),
        seed=seed,
        overwrite=True,
    )
    if not (scores.exists() and is_of(config, folder / "model")):
        finetune(config)
        (folder / "minutes.txt").write_text(f"{(time.perf_counter() - started) / 60:.2f}\n")
        given = PredictConfig(
            folder / "model", folder / "predictions", recordings=held_out_tracks(data), overwrite=True
        )
        predict(given)
        evaluate(EvaluateConfig(folder / "predictions", (data / "annotations",), "S1", ("base",)))
    found = json.loads(scores.read_text())
    row: dict[str, float | str] = {"variant": variant, "videos": videos, "seed": seed, "macro F1": found["macro_f1"]}
    row |= {name: values["f1"] for name, values in found["classes"].items()}
    checked = json.loads((folder / "model" / "cross_validation.json").read_text())
    row["cross-validation"] = max(checked["macro_f1_by_steps"].values())
    return row | {"minutes": float((folder / "minutes.txt").read_text())}


def report(rows: list[dict[str, float | str]]) -> Iterator[str]:
    """A Markdown table of means and standard deviations over seeds.

    "cross-validation" is the macro F1 over the labelled videos, each scored by a network that was trained on others of
    them, before decoding; the encoder has seen their tracks.
    """
    classes = [name for name in rows[0] if name not in ("variant", "videos", "seed", "macro F1", "minutes")]
    yield f"| labelled videos | variant | macro F1 | {' | '.join(classes)} | minutes |"
    yield "|---" * (4 + len(classes)) + "|"
    for videos in SIZES:
        for variant in VARIANTS:
            chosen = [row for row in rows if (row["variant"], row["videos"]) == (variant, videos)]
            cells = [np.array([float(row[name]) for row in chosen]) for name in ("macro F1", *classes, "minutes")]
            means = [f"{cell.mean():.3f} ± {cell.std(ddof=1):.3f}" for cell in cells[:-1]]
            yield f"| {videos} | {variant} | {' | '.join(means)} | {cells[-1].mean():.1f} |"


def picture(data: Path, videos: tuple[str, ...] = ("4", "36", "40")) -> None:
    """Draw truth over prediction of three held-out videos, tuned on 32."""
    truth = {one.id: one for one in read_annotations([data / "annotations"])}
    strips = []
    for video in videos:
        found = predictions.read(RUNS / "tuned-32-0" / "predictions" / f"{video}.csv")
        labels = truth[video].labels("S1", (*found.behaviours, "base"), len(found.labels)).without(("base",))
        rows = {"truth": labels.renamed(found.behaviours).values, "predicted": found.labels}
        strips.append(Strip(video, found.frame_rate, rows))
    ethogram(HERE / "ethogram.png", strips, found.behaviours)


def main() -> None:
    """Run what is missing, then write few_labels.csv, few_labels.md and ethogram.png beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/dyads"))
    parser.add_argument("--jobs", type=int, default=1, help="fine-tunings at once, each on its share of the cores")
    arguments = parser.parse_args()
    config = PretrainConfig(output=RUNS / "encoder", recordings=tracks(arguments.data))
    if not is_of(config, config.output):
        pretrain(config)
    tasks = [(arguments.data, variant, videos, seed) for videos in SIZES for seed in SEEDS for variant in VARIANTS]
    threads = max(1, torch.get_num_threads() // arguments.jobs)
    with ProcessPoolExecutor(arguments.jobs, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        rows = list(pool.map(one, tasks))
    with (HERE / "few_labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    text = "\n".join(report(rows)) + "\n"
    (HERE / "few_labels.md").write_text(text)
    picture(arguments.data)
    print(text)


if __name__ == "__main__":
    main()
