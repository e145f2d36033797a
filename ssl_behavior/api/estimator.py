"""A scikit-learn estimator that learns an encoder from recordings and describes their frames with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ssl_behavior.api.arguments import number, settings_or_default, whole_number
from ssl_behavior.api.encoder import PretrainedEncoder, load_encoder
from ssl_behavior.api.frame_table import require_frame_table
from ssl_behavior.compute.devices import Device, Precision, choose_device, require_choice
from ssl_behavior.errors import InputError
from ssl_behavior.formats.in_memory import Recordings, as_recordings
from ssl_behavior.formats.tracks import native
from ssl_behavior.models.inference import embed
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare_each
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.probing.groups import pool_pairs
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.objectives.pretraining import Objective


class BehaviourEncoder(TransformerMixin, BaseEstimator):
    """Pretrain an encoder on recordings, and describe every frame by its embedding.

    A sample is a frame. ``fit`` and ``transform`` take recordings, all of whose frames are samples, or rows of
    ``sb.frame_table``, which scikit-learn can split and select. ``fit`` pretrains on the whole recordings that the rows
    belong to, without their labels, as ``sb.pretrain`` does. It does not use the recordings of held-out videos.

    Args:
        agent: name of the animal that acts. The embedding of a frame is then that of the pair (agent, target).
            Without it, a frame gets the mean and the maximum over all ordered pairs, side by side.
        target: name of the animal that the agent acts towards; given together with ``agent``.
        steps: number of batches to learn from.
        batch: clips per batch.
        clip_seconds: length of a clip; recordings must be at least as long.
        learning_rate: highest learning rate of AdamW.
        weight_decay: weight decay of AdamW.
        objective: pretraining objective; ``sb.Objective()`` if None.
        architecture: the encoder's kind and size; ``sb.Architecture()`` if None.
        preparation: how recordings are made comparable; ``sb.Preparation()`` if None.
        seed: seed of all random numbers.
        device: ``auto`` takes a GPU where there is one.
        precision: ``auto`` takes bfloat16 where the hardware multiplies it natively.
        folder: keeps the encoder, for ``sb.load_encoder``; an encoder that is there is written over, so give none to
            a search, which fits several. By default it is kept in memory only.

    Attributes:
        encoder_: the ``PretrainedEncoder``, once fitted.

    Examples:
        >>> recordings = sb.read_labelled("tracks")
        >>> encoder = sb.BehaviourEncoder(steps=1000, agent="resident", target="intruder")
        >>> vectors = encoder.fit(recordings).transform(recordings)

        Cross-validated by video, so that no frame is judged by a classifier that saw its video:

        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.model_selection import GridSearchCV, GroupKFold
        >>> from sklearn.pipeline import make_pipeline
        >>> frames = sb.frame_table(recordings).dropna(subset=["label"])
        >>> pipeline = make_pipeline(encoder, LogisticRegression(max_iter=1000))
        >>> grid = {"behaviourencoder__clip_seconds": [8, 17], "logisticregression__C": [0.1, 1]}
        >>> search = GridSearchCV(pipeline, grid, cv=GroupKFold(3), scoring="f1_macro")
        >>> best = search.fit(frames, frames["label"], groups=frames["video"]).best_params_

        Each candidate pretrains an encoder. ``make_pipeline(..., memory="cache")`` spares that where only settings of
        the classifier differ. A grid holds settings such as the architecture as a whole:
        ``{"behaviourencoder__architecture": [sb.Architecture(64), sb.Architecture(128)]}``.
    """

    encoder_: PretrainedEncoder

    def __init__(
        self,
        agent: str | None = None,
        target: str | None = None,
        steps: int = 3000,
        batch: int = 16,
        clip_seconds: float = 17.0,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        objective: Objective | None = None,
        architecture: Architecture | None = None,
        preparation: Preparation | None = None,
        seed: int = 0,
        device: Device = "auto",
        precision: Precision = "auto",
        folder: str | Path | None = None,
    ) -> None:
        # scikit-learn clones an estimator from these attributes, so each must hold its argument unchanged.
        self.agent = agent
        self.target = target
        self.steps = steps
        self.batch = batch
        self.clip_seconds = clip_seconds
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.objective = objective
        self.architecture = architecture
        self.preparation = preparation
        self.seed = seed
        self.device = device
        self.precision = precision
        self.folder = folder

    def fit(self, X: Recordings | pd.DataFrame, y: object = None) -> BehaviourEncoder:  # noqa: ARG002 - scikit-learn's
        """Pretrain an encoder on the tracks of all recordings in ``X``.

        Args:
            X: recordings, or rows of ``sb.frame_table``.
            y: not used; pretraining needs no labels.

        Raises:
            InputError: the settings or the recordings cannot be used, or a recording has not the agent and the target.
        """
        if (self.agent is None) != (self.target is None):
            raise InputError(f"expected agent and target together; found {self.agent} and {self.target}: give both")
        choose_device(self.device)
        require_choice("precision", self.precision, Precision)
        recordings = [sample.recording for sample in _samples(X)]
        for recording in recordings:
            self._require_pair(recording.id, recording.individuals)
        with TemporaryDirectory() as scratch:
            tracks = Path(scratch) / "tracks"
            native.write(tracks, map(_bare, recordings))
            output = Path(scratch) / "encoder" if self.folder is None else Path(self.folder)
            self.encoder_ = load_encoder(pretrain(self._config(tracks, output)), self.device, self.precision)
        if self.folder is None:
            self.encoder_.source = "in memory"
        return self

    def transform(self, X: Recordings | pd.DataFrame) -> np.ndarray:
        """Embed frames, at the recordings' own frame rate.

        Args:
            X: recordings, or rows of ``sb.frame_table``.

        Returns:
            (sample, channel) float32, in the order of the rows, or of the recordings and their frames. Without an
            ``agent`` there are twice as many columns as the encoder has channels.

        Raises:
            NotFittedError: ``fit`` was not called.
            InputError: a recording lacks the encoder's landmarks, the agent or the target.
        """
        check_is_fitted(self)
        samples, network = _samples(X), self.encoder_.network
        values = np.empty((sum(len(sample.frames) for sample in samples), self._width()), np.float32)
        recordings = [sample.recording for sample in samples]
        each = prepare_each(recordings, network.landmarks, network.preparation, doing="embedding")
        for sample, (_, poses) in zip(samples, each, strict=True):
            vectors = pool_pairs(partial(embed, network, with_mirror=True), (poses, self._pairs(poses)))
            # Mean and maximum of a single pair are the same, so the second half would repeat the first.
            values[sample.rows] = vectors[sample.frames, : self._width()]
        return values

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:  # noqa: ARG002 - scikit-learn's
        """Return the names of the columns that ``transform`` returns."""
        check_is_fitted(self)
        channels = range(self.encoder_.channels)
        kinds = ("mean", "maximum") if self.agent is None else ("channel",)
        return np.array([f"{kind} {channel}" for kind in kinds for channel in channels], object)

    def _width(self) -> int:
        return self.encoder_.channels * (2 if self.agent is None else 1)

    def _pairs(self, poses: Poses) -> list[tuple[int, int]]:
        """Return the ordered pairs whose embeddings describe a frame."""
        if self.agent is None or self.target is None:
            return poses.pairs()
        self._require_pair(poses.id, poses.individuals)
        return [(poses.individuals.index(self.agent), poses.individuals.index(self.target))]

    def _require_pair(self, video: str, individuals: tuple[str, ...]) -> None:
        # A lone animal is a pair with itself; one of several is not.
        is_pair = self.agent != self.target or len(individuals) == 1
        if self.agent is not None and not (is_pair and {self.agent, self.target} <= set(individuals)):
            raise InputError(
                f"recording {video}: expected an ordered pair of {', '.join(individuals)}; found the agent "
                f"{self.agent} and the target {self.target}: name two of them"
            )

    def _config(self, tracks: Path, output: Path) -> PretrainConfig:
        return PretrainConfig(
            recordings=(tracks,),
            output=output,
            steps=whole_number("steps", self.steps),
            batch=whole_number("batch", self.batch),
            clip_seconds=number("clip_seconds", self.clip_seconds),
            learning_rate=number("learning_rate", self.learning_rate),
            weight_decay=number("weight_decay", self.weight_decay),
            objective=settings_or_default("objective", self.objective, Objective),
            architecture=settings_or_default("architecture", self.architecture, Architecture),
            preparation=settings_or_default("preparation", self.preparation, Preparation),
            probe_every=0,
            seed=whole_number("seed", self.seed),
            device=self.device,
            precision=self.precision,
            mixed_skeletons=True,  # the user decided this when reading the recordings
            overwrite=True,
        )


class _Samples(NamedTuple):
    """The samples of one recording: which of its frames (sample,), and their rows (sample,) among all samples."""

    recording: Recording
    frames: np.ndarray
    rows: np.ndarray


def _samples(X: Recordings | pd.DataFrame) -> list[_Samples]:
    if isinstance(X, pd.DataFrame):
        return _samples_of_table(X)
    recordings = as_recordings(X)
    starts = np.cumsum([0, *(recording.frames for recording in recordings)])
    frames = [np.arange(recording.frames) for recording in recordings]
    return [_Samples(*sample) for sample in zip(recordings, frames, map(np.add, frames, starts), strict=False)]


def _samples_of_table(table: pd.DataFrame) -> list[_Samples]:
    require_frame_table(table)
    samples = []
    frames, recordings = table["frame"].to_numpy(), table["recording"].to_numpy()
    for video, rows in table.groupby("video", sort=False).indices.items():
        # Equal recordings may be different objects, as rows are pickled apart on their way to another process.
        objects = {id(value): value for value in recordings[rows]}.values()
        first, *others = (as_recordings(value)[0] for value in objects)
        if any(other.fingerprint() != first.fingerprint() for other in others):
            raise InputError(f"video {video}: expected one recording of this id; found several: rename them")
        if frames[rows].min() < 0 or frames[rows].max() >= first.frames:
            raise InputError(f"video {video}: expected frames from 0 to {first.frames - 1}; found others")
        samples.append(_Samples(first, frames[rows], rows))
    return samples


def _bare(recording: Recording) -> Recording:
    """Return the tracks alone. Labels and metadata are not needed, and a file may be unable to hold their types."""
    return replace(recording, labels={}, series={}, metadata={})
