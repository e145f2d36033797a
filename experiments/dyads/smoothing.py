"""What smoothing does to frames and to bouts, on the held-out probabilities that few_labels.py left in runs/few_labels.

python experiments/dyads/smoothing.py --data ../shared/data/dyads
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ssl_behavior import predictions
from ssl_behavior.decoding import Decoder
from ssl_behavior.formats.annotations import read_annotations
from ssl_behavior.scoring.report import ScoredVideo, score

RUNS = Path("runs/few_labels")


def main() -> None:
    """Print mean macro F1 of frames, and of bouts at overlap .25, over the three networks tuned on 32 videos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/dyads"))
    annotations = {one.id: one for one in read_annotations([parser.parse_args().data / "annotations"])}
    print("| smoothing (s) | frames, macro F1 | bouts, macro F1 at .25 |\n|---|---|---|")
    for smoothing in (0.0, 0.1, 0.25, 0.5, 1.0, 2.0):
        frames, bouts = [], []
        for seed in range(3):
            videos = []
            for one in predictions.read_folder(RUNS / f"tuned-32-{seed}" / "predictions"):
                labels = annotations[one.id].labels("S1", (*one.behaviours, "base"), len(one.labels))
                truth = labels.without(("base",)).renamed(one.behaviours).values
                found = Decoder(smoothing_s=smoothing).decode(one.probabilities, one.frame_rate)
                videos.append(ScoredVideo(one.id, truth, found, None, one.frame_rate))
            report = score(videos, one.behaviours, draws=0)
            frames.append(report["macro_f1"])
            bouts.append(report["bout_f1"]["0.25"])
        print(f"| {smoothing} | {np.mean(frames):.3f} ± {np.std(frames, ddof=1):.3f} ", end="")
        print(f"| {np.mean(bouts):.3f} ± {np.std(bouts, ddof=1):.3f} |")


if __name__ == "__main__":
    main()
