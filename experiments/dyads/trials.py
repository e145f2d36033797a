"""An ablation on the dyads: one change from the default settings at a time.

    python -m experiments.dyads.trials --sizes 3 --jobs 2

Every trial is the network alone (no trees, no cross-validation), with an encoder that was pretrained on thirty videos.
It learns from the fixed draws and is tested on the ten held-out videos (see ``protocol``). Rows therefore differ by the
named change, within their spread. A trial of pretraining has an encoder of its own. Trees are compared in
``experiments.controls.xgboost_expert`` and, beside the network, in ``few_labels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from experiments.dyads import protocol, tables
from experiments.dyads.few_labels import network, pretrained
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.training.objectives.pretraining import Objective
from ssl_behavior.training.supervised import Supervision

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Trial:
    """A change from the default settings.

    Attributes:
        supervision: settings of fine-tuning.
        encoder: name of the trial's own encoder; the common one by default.
        pretraining: settings of ``PretrainConfig`` for its own encoder.
        from_scratch: fine-tune an encoder with random weights.
    """

    supervision: Supervision = field(default_factory=Supervision)
    encoder: str = ""
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    from_scratch: bool = False


_TRANSFORMER = Trial(encoder="transformer", pretraining={"architecture": Architecture(kind="transformer", blocks=4)})


def _objective(name: str, objective: Objective) -> dict[str, Trial]:
    return {name: Trial(encoder=name, pretraining={"objective": objective})}


TRIALS = {
    "network": Trial(),
    "network from scratch": Trial(from_scratch=True),
    **_objective("masked modelling alone", Objective(summaries_weight=0.0)),
    **_objective("summaries alone", Objective(masked_weight=0.0)),
    **_objective("contrast alone (NT-Xent)", Objective(masked_weight=0.0, summaries_weight=0.0, contrast="ntxent")),
    **_objective("LeJEPA alone", Objective(masked_weight=0.0, summaries_weight=0.0, contrast="lejepa")),
    **_objective("all three", Objective(contrast="ntxent")),
    "CNN-Transformer encoder": _TRANSFORMER,
    "CNN-Transformer encoder, no pretraining": replace(_TRANSFORMER, from_scratch=True),
    "a third of the steps": Trial(Supervision(steps=Supervision.steps // 3)),
    "three times the steps": Trial(Supervision(steps=3 * Supervision.steps)),
    "dropout of the architecture (.1)": Trial(Supervision(dropout=0.1)),
    "all features kept": Trial(Supervision(drop_features=0.0)),
    "label smoothing .1": Trial(Supervision(label_smoothing=0.1)),
    "focal loss, gamma 2": Trial(Supervision(focal=2.0)),
    "mixup .2": Trial(Supervision(mixup=0.2)),
    "encoder at the head's rate": Trial(Supervision(encoder_rate=1.0)),
    "encoder at a tenth of it": Trial(Supervision(encoder_rate=0.1)),
    "last weights, no running mean": Trial(Supervision(average=0.0)),
    "clips of 5 s": Trial(Supervision(clip_seconds=5.0)),
    "temporal head on the frozen encoder": Trial(Supervision(tune="temporal")),
}


def main() -> None:
    """Run the missing trials, then write trials.csv and trials.md beside this file."""
    arguments = protocol.arguments(__doc__, TRIALS)
    dyads = protocol.load(arguments.data, Preparation().frame_rate)
    for name in arguments.variants:
        trial = TRIALS[name]
        folder = f"encoder-{trial.encoder}".replace(" ", "-") if trial.encoder else "encoder"
        encoder = pretrained(arguments.data, folder, **trial.pretraining)
        fit_predict = partial(network, encoder=encoder, from_scratch=trial.from_scratch, settings=trial.supervision)
        protocol.run(name, fit_predict, dyads, arguments.sizes, arguments.draws, arguments.jobs)
    tables.write(protocol.done(TRIALS), HERE / "trials")


if __name__ == "__main__":
    main()
