"""Compares clusters and "more like this" with labels of the dyads, for embeddings and for hand-made features.

    python -m experiments.atlas.run --encoder runs/dyads    (about 15 minutes on two cores)

The same code makes and compares four atlases of the same frames: embeddings of the encoder; embeddings of the same
encoder with random weights; the raw kinematics that the encoder takes; and expert features (``poses.expert_features``,
with their means and spreads over seconds). The last two are standardised and reduced to their first 32 principal
components. Labels are those of channel S1, with ``base`` unscored; only the scores use them.

- Clusters: normalised mutual information (NMI), adjusted Rand index (ARI) and homogeneity over 60,000 random scored
  frames of pairs, as mean and standard deviation over seeds. UMAP and HDBSCAN are those of ``cluster`` with its
  defaults; noise counts as one more cluster. K-means makes as many clusters of the same averaged directions.
- Search: for each of 60 random bouts of each behaviour, ``search`` finds the 20 most similar bouts. The score is the
  share of these whose most frequent label is the same; bouts without labels are passed over. Its interval comes from a
  bootstrap over the 60 bouts. Chance is the share of the behaviour's frames.

The encoder was pretrained on these tracks without their labels. The script writes results.md beside this file, with the
time and the memory of each command.
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

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.clustering import fit_clusters
from ssl_behavior.atlas.clusters import NOISE, Clustering, Clusters, average_over_time, directions
from ssl_behavior.atlas.index import load
from ssl_behavior.atlas.similarity import find_similar
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.cluster_cards.labels import agreement
from ssl_behavior.compute.progress import progress
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
    """Run the three commands on a new atlas; returns name, minutes and GiB of each."""
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


def atlases(encoder: Path, embeddings: Atlas) -> dict[str, Atlas]:
    """Name -> atlas: that of the embeddings, and those of other features of the same frames."""
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
        "pretrained encoder": embeddings,
        "untrained encoder": _other(
            embeddings, "untrained", lambda video, pair: embed(untrained, video.poses, pair, with_mirror=True).numpy()
        ),
        "raw kinematics": _other(embeddings, "kinematics", _components(embeddings, raw)),
        "expert features": _other(embeddings, "expert", _components(embeddings, expert)),
    }


def _components(atlas: Atlas, represent: Represent) -> Represent:
    """Represent frames by the first principal components of standardised features; unknown values are 0."""
    sample = np.concatenate([represent(video, pair)[frames] for video, pair, frames in atlas.draw(20_000, 0)])
    mean, spread = np.nanmean(sample, 0), np.maximum(np.nanstd(sample, 0), 1e-3)

    def standard(values: np.ndarray) -> np.ndarray:
        return np.nan_to_num((values - mean) / spread).clip(-5, 5)

    components = PCA(_COMPONENTS, random_state=0).fit(standard(sample))
    return lambda video, pair: components.transform(standard(represent(video, pair)))


def _other(atlas: Atlas, name: str, represent: Represent) -> Atlas:
    """An atlas of the same frames in another representation."""
    first = atlas.video(atlas.ids[0])
    channels = represent(first, next(iter(first.embeddings))).shape[1]
    folder = RUNS / name
    shutil.rmtree(folder, ignore_errors=True)
    meta = atlas.meta
    other = Atlas.create(folder, AtlasMeta(name, meta.landmarks, meta.frame_rate, channels, "float32"))
    for video in progress(atlas.videos(), name, total=len(atlas.ids), unit="video", leave=False):
        values = {pair: represent(video, pair).astype(np.float32) for pair in video.embeddings}
        other.add(EmbeddedVideo(video.poses, values, video.labels, video.unit, video.source))
    return other


def cluster_scores(atlas: Atlas, seeds: int, settings: Clustering) -> dict[str, list[dict[str, float]]]:
    """Method -> agreement of its clusters with the labels, for each seed."""
    scores: dict[str, list[dict[str, float]]] = {"UMAP and HDBSCAN": [], "k-means": []}
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
        scores["UMAP and HDBSCAN"].append(agreement(true, assigned) | share)
        share = {"clusters": float(fitted.count), "clustered": 1.0}
        scores["k-means"].append(agreement(true, np.concatenate(nearest)) | share)
    return scores


def _directions(fitted: Clusters, values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    return directions(average_over_time(values, frames, fitted.settings.reach(fitted.frame_rate)), fitted.centre)


def search_scores(atlas: Atlas, wanted: int = 60, top: int = 20) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Behaviour -> (bout,) precision among its most similar bouts; and behaviour -> share of frames."""
    index, rng = load(atlas), np.random.default_rng(0)
    examples: dict[str, list[tuple[str, int, int]]] = {}
    frames: dict[str, int] = {}
    for video in atlas.videos():
        rate = video.poses.frame_rate
        for bout in video.labels[CHANNEL].bouts():
            frames[bout.behaviour] = frames.get(bout.behaviour, 0) + bout.stop - bout.start
            if rate <= bout.stop - bout.start:  # long enough for a person to choose it as an example
                middle = (bout.start + bout.stop) // 2
                reach = min((bout.stop - bout.start) // 2, round(rate))
                examples.setdefault(bout.behaviour, []).append((video.id, middle - reach, middle + reach))
    precision = {}
    for behaviour, bouts in sorted(examples.items()):
        chosen = rng.choice(len(bouts), min(wanted, len(bouts)), replace=False)
        precisions = [
            _precision(atlas, index, bouts[bout], behaviour, top)
            for bout in progress(chosen, behaviour, unit="bout", leave=False)
        ]
        precision[behaviour] = np.array([value for value in precisions if not np.isnan(value)])
    total = sum(frames.values())
    return precision, {behaviour: count / total for behaviour, count in frames.items()}


def _precision(atlas: Atlas, index: object, example: tuple[str, int, int], behaviour: str, top: int) -> float:
    video = atlas.video(example[0])
    hits = find_similar(atlas, index, video, example[1:], list(video.embeddings), 2 * top)  # type: ignore[arg-type]
    right = []
    for hit in hits:
        similar_video = atlas.video(hit.video)
        labels = similar_video.labels[CHANNEL]
        values = labels.values[slice(*np.searchsorted(similar_video.poses.native_frames, (hit.start, hit.stop)))]
        if (values >= 0).any():
            right.append(labels.behaviours[np.bincount(values[values >= 0]).argmax()] == behaviour)
    return float(np.mean(right[:top])) if right else np.nan


def report(encoder: Path, data: Path, seeds: int) -> str:
    """Measure everything; returns the results in Markdown."""
    measured = commands(encoder, data, RUNS / "pretrained")
    embeddings = Atlas(RUNS / "pretrained")
    lines = [f"Of {embeddings.rows:,} embeddings of {len(embeddings.ids)} videos, on {os.cpu_count()} cores.", ""]
    lines += ["| command | minutes | memory (GiB) |", "|---|---|---|"]
    lines += [f"| {name} | {minutes:.1f} | {memory:.1f} |" for name, minutes, memory in measured]
    rows, searched = [], []
    for name, atlas in atlases(encoder, embeddings).items():
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
    values = np.array([score[key] for score in scores])
    if key == "clusters":
        return ", ".join(f"{value:.0f}" for value in values)
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")


def _interval(values: np.ndarray) -> str:
    draws = np.random.default_rng(0).choice(values, (2_000, len(values))).mean(1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Measure everything, and write results.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="folder that pretrain wrote")
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data/dyads"), help="folder with tracks/ and annotations/"
    )
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds of UMAP and k-means (3)")
    arguments = parser.parse_args()
    text = report(arguments.encoder, arguments.data, arguments.seeds)
    (HERE / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
