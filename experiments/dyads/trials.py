"""What was tried on the dyads and what it does: one change from the shipped defaults at a time.

    python -m experiments.dyads.trials --sizes 3 --jobs 2

Every trial is the network alone (no trees, no cross-validation, the balanced decision), learned from the fixed draws
and tested on the ten held-out videos (see ``protocol``), from an encoder pretrained on the other thirty; so differences
between rows are those of the named change, give or take the spread. Trials of pretraining pretrain anew. Trees are
tried in ``experiments.controls.xgboost_expert`` and, beside the network, in ``few_labels``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from experiments.dyads import protocol
from experiments.dyads.few_labels import network, pretrained
from ssl_behavior.encoders import Architecture
from ssl_behavior.objectives import Objective
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.supervision import Supervision

HERE = Path(__file__).parent
USUAL = Supervision()
FINE_TUNING = {
    "defaults": USUAL,
    "a third of the steps": replace(USUAL, steps=USUAL.steps // 3),
    "three times the steps": replace(USUAL, steps=3 * USUAL.steps),
    "dropout of the architecture (.1)": replace(USUAL, dropout=0.1),
    "all features kept": replace(USUAL, drop_features=0.0),
    "label smoothing .1": replace(USUAL, label_smoothing=0.1),
    "focal loss, gamma 2": replace(USUAL, focal=2.0),
    "mixup .2": replace(USUAL, mixup=0.2),
    "encoder at the head's rate": replace(USUAL, encoder_rate=1.0),
    "encoder at a tenth of it": replace(USUAL, encoder_rate=0.1),
    "last weights, no running mean": replace(USUAL, average=0.0),
    "clips of 5 s": replace(USUAL, clip_seconds=5.0),
    "temporal head on the frozen encoder": replace(USUAL, tune="temporal"),
}
OBJECTIVES = {
    "masked modelling alone": Objective(summaries_weight=0.0),
    "summaries alone": Objective(masked_weight=0.0),
    "contrast alone (NT-Xent)": Objective(masked_weight=0.0, summaries_weight=0.0, contrast="ntxent"),
    "all three": Objective(contrast="ntxent"),
    "LeJEPA alone": Objective(masked_weight=0.0, summaries_weight=0.0, contrast="lejepa"),
}
TRANSFORMER = Architecture(kind="transformer", blocks=4)


def main() -> None:
    """Run what is missing, then write trials.csv and trials.md beside this file."""
    arguments = protocol.arguments(__doc__)
    dyads = protocol.load(arguments.data, Preparation().frame_rate)
    encoder, rows = pretrained(arguments.data), []

    def tried(name: str, folder: Path, from_scratch: bool = False, settings: Supervision = USUAL) -> None:
        fit_predict = partial(network, encoder=folder, from_scratch=from_scratch, settings=settings)
        rows.extend(protocol.run(name, fit_predict, dyads, arguments.sizes, arguments.jobs))

    for name, settings in FINE_TUNING.items():
        tried(name, encoder, settings=settings)
    tried("no pretraining", encoder, from_scratch=True)
    for name, objective in OBJECTIVES.items():
        tried(name, pretrained(arguments.data, f"encoder {name}".replace(" ", "-"), objective=objective))
    transformer = pretrained(arguments.data, "encoder-transformer", architecture=TRANSFORMER)
    tried("CNN-Transformer encoder", transformer)
    tried("CNN-Transformer encoder, no pretraining", transformer, from_scratch=True)
    protocol.write(rows, HERE / "trials")


if __name__ == "__main__":
    main()
