"""A fine-tuned model, ready to label recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, Precision, choose_device, require_choice
from ssl_behavior.compute.progress import progress
from ssl_behavior.formats.in_memory import Recordings, as_recordings
from ssl_behavior.models import checkpoints
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.predictions.labelling import predict_poses, print_assumed_pair
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.quality.vitals import Vitals


@check_arguments
def load_model(folder: str | Path, device: Device = "auto", precision: Precision = "auto") -> FinetunedModel:
    """Load the model that ``sb.finetune`` wrote.

    Args:
        folder: the ``output`` of fine-tuning.
        device: ``auto`` takes a GPU where there is one.
        precision: precision of the encoder; ``auto`` takes bfloat16 where the hardware multiplies it natively.

    Raises:
        InputError: the folder holds no model, or the device or the precision does not exist.

    Examples:
        >>> model = sb.load_model("model")
        >>> table = model.predict(sb.read_recordings("tracks"))
        >>> shares = table.groupby("video")["label"].value_counts(normalize=True)
    """
    require_choice("precision", precision, Precision)
    path, chosen = Path(folder).expanduser(), choose_device(device)
    model, scheme = checkpoints.load_model(path)
    model.to(chosen, precision)
    return FinetunedModel(model, scheme, path, checkpoints.load_vitals(path))


class FinetunedModel:
    """A model that labels frames. ``load_model`` makes one.

    Args:
        network: the network with its trees, on the device to compute on.
        scheme: how its outputs become labels.
        folder: folder that it was read from.
        usual_vitals: vitals of the recordings that its encoder was pretrained on; None if not recorded.

    Attributes:
        behaviours: behaviours that the model labels, in order.
        channel: channel of the annotations that the model learned from.
        pair: names of the agent and the target of the labels; None if the labels hold for the whole group.
    """

    def __init__(self, network: Model, scheme: LabelScheme, folder: Path, usual_vitals: Vitals | None) -> None:
        self.network, self.scheme, self.folder, self.usual_vitals = network, scheme, folder, usual_vitals
        self.behaviours, self.channel, self.pair = scheme.behaviours, scheme.channel, scheme.pair

    def predict(self, recordings: Recordings) -> pd.DataFrame:
        """Label every frame at the recording's own frame rate, as ``sb.predict`` does, with the same warnings.

        Args:
            recordings: one or several recordings or datasets of ``movement``, see ``as_recordings``.

        Returns:
            A row per frame, with the columns ``video``, ``frame`` (from 0), ``time_s``, ``label`` (a category of
            ``behaviours``), ``probability`` (calibrated, of the label) and ``animals_tracked``. Where
            ``animals_tracked`` is 0, the label is a guess from the frames around. Decoding balances behaviours and
            smooths over time, so that the label need not be the most probable behaviour of its frame.

        Raises:
            InputError: a recording has none of the encoder's landmarks, or an animal in it is never seen.
        """
        return pd.concat([_label_table(prediction) for prediction in self._predict(recordings)], ignore_index=True)

    def probabilities(self, recordings: Recordings) -> pd.DataFrame:
        """Compute calibrated probabilities of every frame at the recording's own frame rate, as ``sb.predict`` does.

        Args:
            recordings: as for ``predict``.

        Returns:
            A row per frame, with the index levels ``video`` and ``frame``, and one float32 column per behaviour; the
            columns of a row add up to 1.

        Raises:
            InputError: as ``predict``.

        Examples:
            >>> probabilities = sb.load_model("model").probabilities(sb.read_recordings("tracks"))
            >>> attack = probabilities.loc["video000", "attack"]
        """
        return pd.concat([_probability_table(prediction) for prediction in self._predict(recordings)])

    def _predict(self, recordings: Recordings) -> Iterator[Prediction]:
        recording_list = as_recordings(recordings)
        encoder = self.network.encoder
        print_assumed_pair(self.scheme, recording_list)
        all_poses = prepare_all(recording_list, encoder.landmarks, encoder.preparation)
        prepared = list(zip(all_poses, recording_list, strict=True))
        inputs = [QualityInput(poses, recording, None) for poses, recording in prepared]
        print_warnings(inputs, self.folder, encoder.landmarks, self.usual_vitals)
        for poses, recording in progress(prepared, "predicting", unit="video"):
            yield predict_poses(self.network, self.scheme, poses, recording)

    def __repr__(self) -> str:
        subject = "the group" if self.pair is None else " towards ".join(dict.fromkeys(self.pair))
        return (
            f"FinetunedModel: {', '.join(self.behaviours)} of {subject} (channel {self.channel})\n"
            f"{self.folder}, on {self.network.encoder.mean.device}"
        )


def _label_table(prediction: Prediction) -> pd.DataFrame:
    frames = np.arange(len(prediction.labels))
    return pd.DataFrame(
        {
            "video": prediction.id,
            "frame": frames,
            "time_s": frames / prediction.frame_rate,
            "label": pd.Categorical.from_codes(prediction.labels, categories=list(prediction.behaviours)),
            "probability": prediction.probabilities[frames, prediction.labels],
            "animals_tracked": prediction.animals_tracked,
        }
    )


def _probability_table(prediction: Prediction) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([[prediction.id], range(len(prediction.labels))], names=("video", "frame"))
    return pd.DataFrame(prediction.probabilities, index=index, columns=list(prediction.behaviours))
