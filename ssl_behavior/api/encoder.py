"""A pretrained encoder, ready to embed recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ssl_behavior.api.embeddings import INDEX, Embeddings
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, Precision, choose_device, require_choice, resolve_precision
from ssl_behavior.formats.in_memory import Recordings, as_recordings
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import prepare_each


@check_arguments
def load_encoder(folder: str | Path, device: Device = "auto", precision: Precision = "auto") -> PretrainedEncoder:
    """Load the encoder that ``sb.pretrain`` wrote.

    Args:
        folder: the ``output`` of pretraining.
        device: ``auto`` takes a GPU where there is one.
        precision: ``auto`` takes bfloat16 where the hardware multiplies it natively.

    Raises:
        InputError: the folder holds no encoder, or the device or the precision does not exist.

    Examples:
        >>> encoder = sb.load_encoder("encoder")
        >>> embeddings = encoder.embed(sb.read_recordings("tracks"))
    """
    require_choice("precision", precision, Precision)
    path, chosen = Path(folder).expanduser(), choose_device(device)
    encoder = checkpoints.load_encoder(path).to(chosen)
    encoder.precision = resolve_precision(precision, chosen)
    return PretrainedEncoder(encoder, str(path))


class PretrainedEncoder:
    """A pretrained encoder. ``load_encoder`` makes one.

    Args:
        network: encoder on the device to compute on.
        source: the folder it was read from.

    Attributes:
        landmarks: names of the keypoints that it takes.
        frame_rate: frame rate of its embeddings in Hz.
        channels: length of an embedding.
    """

    def __init__(self, network: Encoder, source: str) -> None:
        self.network, self.source = network, source
        self.landmarks = network.landmarks
        self.frame_rate = network.preparation.frame_rate
        self.channels = network.architecture.channels

    def embed(self, recordings: Recordings) -> Embeddings:
        """Embed every frame of every ordered pair of animals, with the values that ``sb.embed`` writes to an atlas.

        Args:
            recordings: one or several recordings or datasets of ``movement``, see ``as_recordings``.

        Returns:
            Rows in the order of the recordings, then of the pairs, then of the frames, at the encoder's frame rate.

        Raises:
            InputError: a recording has none of the encoder's landmarks, or an animal in it is never seen.
        """
        values, indices = [], []
        for _, poses in prepare_each(
            as_recordings(recordings), self.landmarks, self.network.preparation, doing="embedding"
        ):
            for pair in poses.pairs():
                values.append(embed(self.network, poses, pair, with_mirror=True).numpy())
                indices.append(_index(poses, pair))
        index = indices[0].append(indices[1:])
        return Embeddings(np.concatenate(values), index, self.frame_rate)

    def __repr__(self) -> str:
        return (
            f"PretrainedEncoder: {', '.join(self.landmarks)} at {self.frame_rate:g} Hz -> {self.channels} channels\n"
            f"{self.source}, on {self.network.mean.device}"
        )


def _index(poses: Poses, pair: tuple[int, int]) -> pd.MultiIndex:
    """Return the rows of one pair, as ``INDEX`` names them."""
    agent, target = (poses.individuals[number] for number in pair)
    return pd.MultiIndex.from_product([[poses.id], poses.native_frames, [agent], [target]], names=INDEX)
