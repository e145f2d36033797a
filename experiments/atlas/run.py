"""Do clusters and "more like this" find what people label? On the dyads, against the same of hand-made features.

    python -m experiments.atlas.run --encoder runs/dyads    (about 15 minutes on two cores)

Four atlases of the same frames are compared by the same code: embeddings of the encoder; of the same encoder with
random weights; the raw kinematics that the encoder takes, standardised; and expert features (``poses.expert``, with
their means and spreads over seconds), standardised; the last two by their first 32 principal components. Labels are
those of channel S1, ``base`` unscored; they take no part in anything but the scores.

- Clusters: normalised mutual information (NMI), adjusted Rand index (ARI) and homogeneity over 60,000 random scored
  frames of pairs, mean and standard deviation over seeds. UMAP and HDBSCAN are those of ``cluster`` with its defaults,
  noise counting as one more cluster; k-means has as many clusters, on the same averaged directions.
- Search: of 60 random bouts of each behaviour, the 20 bouts that ``search`` finds most like each; the share of these
  whose most frequent label is the same (where nobody scored, a bout is passed over), with a bootstrap over the bouts
  asked for. By chance it is the share of the behaviour's frames.

The encoder was pretrained on these tracks, never on their labels. Writes results.md beside this file, with the time and
the memory of each command.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from tqdm import tqdm

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.clustering import fit_clusters
from ssl_behavior.atlas.clusters import NOISE, Clustering, Clusters, average_over_time, directions
from ssl_behavior.atlas.index import load
from ssl_behavior.atlas.similarity import find_similar
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.cluster_cards.labels import agreement
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.clips import pair_clip
from ssl_behavior.poses.expert_features import expert_features

HERE, RUNS = Path(__file__).parent, Path("runs/atlas_experiment")
CHANNEL = "S1"
_FRAMES, _COMPONENTS = 60_000, 32
Represent = Callable[[EmbeddedVideo, tuple[int, int]], np.ndarray]


def commands(encoder: Path, data: Path, folder: Path) -> list[tuple[str, float, float]]:
    """Run the three commands on a new atlas: name, minutes and GiB of each."""
    shutil.rmtree(folder, ignore_errors=True)
    tracks = ["--recordings", str(data / "tracks"), "--annotations", str(data / "annotations"), "--unscored", "base"]
    lines = {
        "embed": ["--encoder", str(encoder), *tracks, "--output", str(folder)],
        "cluster": ["--atlas", str(folder)],
        "search": ["--atlas", str(folder), "--video", "7", "--frames", "5400:5460"],
    }
    measured = []
    for name, line in lines.items():
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", f"ssl_behavior.{name}", *line])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{name} failed")
        measured.append((name, (time.perf_counter() - started) / 60, usage.ru_maxrss / 2**20))
    return measured


def atlases(encoder: Path, given: Atlas) -> dict[str, Atlas]:
    """The atlas of embeddings, and atlases of the same frames by other means."""
    trained = load_encoder(encoder)
    torch.manual_seed(0)
    untrained = Encoder(trained.landmarks, trained.preparation, trained.architecture).eval()
    untrained.mean.copy_(trained.mean)
    untrained.deviation.copy_(trained.deviation)

    def raw(video: EmbeddedVideo, pair: tuple[int, int]) -> np.ndarray:
        with torch.inference_mode():
            return trained.kinematics(pair_clip(video.poses, 0, len(video.poses.positions), pair))[0][0].numpy()

    def expert(video: EmbeddedVideo, pair: tuple[int, int]) -> np.ndarray:
        return expert_features(video.poses, pair)

    return {
        "pretrained encoder": given,
        "untrained encoder": _other(
            given, "untrained", lambda video, pair: embed(untrained, video.poses, pair, with_mirror=True).numpy()
        ),
        "raw kinematics": _other(given, "kinematics", _components(given, raw)),
        "expert features": _other(given, "expert", _components(given, expert)),
    }


def _components(atlas: Atlas, represent: Represent) -> Represent:
    """The first principal components of features, each standardised, and 0 where unknown."""
    sample = np.concatenate([represent(video, pair)[frames] for video, pair, frames in atlas.draw(20_000, 0)])
    mean, spread = np.nanmean(sample, 0), np.maximum(np.nanstd(sample, 0), 1e-3)

    def standard(values: np.ndarray) -> np.ndarray:
        return np.nan_to_num((values - mean) / spread).clip(-5, 5)

    found = PCA(_COMPONENTS, random_state=0).fit(standard(sample))
    return lambda video, pair: found.transform(standard(represent(video, pair)))


def _other(given: Atlas, name: str, represent: Represent) -> Atlas:
    first = given.video(given.ids[0])
    channels = represent(first, next(iter(first.embeddings))).shape[1]
    folder = RUNS / name
    shutil.rmtree(folder, ignore_errors=True)
    meta = given.meta
    atlas = Atlas.create(folder, AtlasMeta(name, meta.landmarks, meta.frame_rate, channels, "float32"))
    for video in tqdm(given.videos(), name, len(given.ids), leave=False):
        values = {pair: represent(video, pair).astype(np.float32) for pair in video.embeddings}
        atlas.add(EmbeddedVideo(video.poses, values, video.labels, video.unit, video.source))
    return atlas


def cluster_scores(atlas: Atlas, seeds: int, settings: Clustering) -> dict[str, list[dict[str, float]]]:
    """Agreement of HDBSCAN's and of k-means' clusters with the labels, per seed."""
    found: dict[str, list[dict[str, float]]] = {"UMAP and HDBSCAN": [], "k-means": []}
    for seed in range(seeds):
        fitted = fit_clusters(atlas, settings, seed)
        means = KMeans(fitted.count, n_init=1, random_state=seed).fit(fitted.anchors)
        truth, clusters, nearest = [], [], []
        for video, pair, frames in atlas.draw(_FRAMES, 1_000 + seed):
            frames = frames[video.labels[CHANNEL].values[frames] >= 0]
            if len(frames):
                truth.append(video.labels[CHANNEL].values[frames])
                labels = fitted.assign(video.embeddings[pair], frames)[0]
                clusters.append(np.where(video.is_located(pair)[frames], labels, NOISE))
                nearest.append(means.predict(_directions(fitted, video.embeddings[pair], frames)))
        true, assigned = np.concatenate(truth), np.concatenate(clusters)
        share = {"clusters": float(fitted.count), "clustered": float((assigned != NOISE).mean())}
        found["UMAP and HDBSCAN"].append(agreement(true, assigned) | share)
        share = {"clusters": float(fitted.count), "clustered": 1.0}
        found["k-means"].append(agreement(true, np.concatenate(nearest)) | share)
    return found


def _directions(fitted: Clusters, values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return directions(average_over_time(values, frames, fitted.settings.reach(fitted.frame_rate)), fitted.centre)


def search_scores(atlas: Atlas, wanted: int = 60, top: int = 20) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Behaviour -> (example,) precision among the 20 bouts most like each, and the behaviours' shares of frames."""
    index, rng = load(atlas), np.random.default_rng(0)
    examples: dict[str, list[tuple[str, int, int]]] = {}
    frames: dict[str, int] = {}
    for video in atlas.videos():
        rate = video.poses.frame_rate
        for bout in video.labels[CHANNEL].bouts():
            frames[bout.behaviour] = frames.get(bout.behaviour, 0) + bout.stop - bout.start
            if rate <= bout.stop - bout.start:  # long enough for a person to point at
                middle = (bout.start + bout.stop) // 2
                reach = min((bout.stop - bout.start) // 2, round(rate))
                examples.setdefault(bout.behaviour, []).append((video.id, middle - reach, middle + reach))
    precision = {}
    for behaviour, places in sorted(examples.items()):
        chosen = rng.choice(len(places), min(wanted, len(places)), replace=False)
        found = [
            _precision(atlas, index, places[place], behaviour, top) for place in tqdm(chosen, behaviour, leave=False)
        ]
        precision[behaviour] = np.array([one for one in found if not np.isnan(one)])
    total = sum(frames.values())
    return precision, {behaviour: count / total for behaviour, count in frames.items()}


def _precision(atlas: Atlas, index: object, example: tuple[str, int, int], behaviour: str, top: int) -> float:
    video = atlas.video(example[0])
    hits = find_similar(atlas, index, video, example[1:], list(video.embeddings), 2 * top)  # type: ignore[arg-type]
    right = []
    for hit in hits:
        found = atlas.video(hit.video)
        labels = found.labels[CHANNEL]
        own = labels.values[slice(*np.searchsorted(found.poses.native_frames, (hit.start, hit.stop)))]
        if (own >= 0).any():
            right.append(labels.behaviours[np.bincount(own[own >= 0]).argmax()] == behaviour)
    return float(np.mean(right[:top])) if right else np.nan


def report(encoder: Path, data: Path, seeds: int) -> str:
    """Everything measured, as markdown."""
    measured = commands(encoder, data, RUNS / "pretrained")
    given = Atlas(RUNS / "pretrained")
    lines = [f"Of {given.rows:,} embeddings of {len(given.ids)} videos, on {os.cpu_count()} cores.", ""]
    lines += ["| command | minutes | memory (GiB) |", "|---|---|---|"]
    lines += [f"| {name} | {minutes:.1f} | {memory:.1f} |" for name, minutes, memory in measured]
    rows, searched = [], []
    for name, atlas in atlases(encoder, given).items():
        for kind, scores in cluster_scores(atlas, seeds, Clustering(refits=0)).items():
            rows.append(f"| {name} | {kind} | {' | '.join(_mean(scores, key) for key in scores[0])} |")
        precision, chance = search_scores(atlas)
        searched.append(f"| {name} | {' | '.join(_interval(values) for values in precision.values())} |")
    lines += ["", "| frames as | clusters by | NMI | ARI | homogeneity | clusters | clustered share |"]
    lines += ["|---" * 7 + "|", *rows]
    lines += ["", f"| precision at 20 | {' | '.join(precision)} |", "|---" * (1 + len(precision)) + "|"]
    lines += [f"| chance | {' | '.join(f'{chance[name]:.3f}' for name in precision)} |", *searched]
    return "\n".join(lines) + "\n"


def _mean(scores: list[dict[str, float]], key: str) -> str:
    values = np.array([one[key] for one in scores])
    if key == "clusters":
        return ", ".join(f"{value:.0f}" for value in values)
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")


def _interval(values: np.ndarray) -> str:
    draws = np.random.default_rng(0).choice(values, (2_000, len(values))).mean(1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Measure everything, and write and print results.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="folder that pretrain wrote")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/dyads"), help="with tracks/ and annotations/")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of anchors, map and k-means to try (3)")
    given = parser.parse_args()
    found = report(given.encoder, given.data, given.seeds)
    (HERE / "results.md").write_text(found)
    print(found)


if __name__ == "__main__":
    main()
