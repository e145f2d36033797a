"""Self-supervised representation learning for animal behaviour, from pose tracks to reviewed labels.

Examples:
    From files to embeddings:

    >>> import ssl_behavior as sb
    >>> encoder = sb.pretrain(sb.PretrainConfig(recordings="tracks", output="encoder"))
    >>> recordings = sb.read_recordings("tracks")
    >>> embeddings = sb.load_encoder(encoder).embed(recordings)
    >>> table = embeddings.to_frame()

Importing the package loads nothing else: a name is looked up in its module when it is first used. ``dir(sb)`` lists the
names, and ``help(sb.pretrain)`` explains one.

Import it before torch if several processes share the machine: it then keeps their idle threads from taking each other's
cores.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and completion; a test compares it with the table below
    from ssl_behavior import experiments as experiments
    from ssl_behavior import plots as plots
    from ssl_behavior.api.embeddings import Embeddings as Embeddings
    from ssl_behavior.api.encoder import PretrainedEncoder as PretrainedEncoder
    from ssl_behavior.api.encoder import load_encoder as load_encoder
    from ssl_behavior.api.estimator import BehaviourEncoder as BehaviourEncoder
    from ssl_behavior.api.frame_table import frame_table as frame_table
    from ssl_behavior.api.model import FinetunedModel as FinetunedModel
    from ssl_behavior.api.model import load_model as load_model
    from ssl_behavior.assemble import AssembleConfig as AssembleConfig
    from ssl_behavior.assemble import assemble as assemble
    from ssl_behavior.atlas.atlas import Atlas as Atlas
    from ssl_behavior.atlas.cluster_bouts import ClusteredAtlas as ClusteredAtlas
    from ssl_behavior.atlas.clusters import Clustering as Clustering
    from ssl_behavior.check import CheckConfig as CheckConfig
    from ssl_behavior.check import check as check
    from ssl_behavior.cluster import ClusterConfig as ClusterConfig
    from ssl_behavior.cluster import cluster as cluster
    from ssl_behavior.convert import ConvertConfig as ConvertConfig
    from ssl_behavior.convert import convert as convert
    from ssl_behavior.embed import EmbedConfig as EmbedConfig
    from ssl_behavior.embed import embed_recordings
    from ssl_behavior.embed_many import EmbedManyConfig as EmbedManyConfig
    from ssl_behavior.embed_many import embed_many as embed_many
    from ssl_behavior.errors import InputError as InputError
    from ssl_behavior.evaluate import EvaluateConfig as EvaluateConfig
    from ssl_behavior.evaluate import evaluate as evaluate
    from ssl_behavior.explore import ExploreConfig as ExploreConfig
    from ssl_behavior.explore import explore as explore
    from ssl_behavior.explore import in_notebook
    from ssl_behavior.finetune import FinetuneConfig as FinetuneConfig
    from ssl_behavior.finetune import finetune as finetune
    from ssl_behavior.formats.labelled import read_labelled as read_labelled
    from ssl_behavior.formats.tracks.read import read_recordings as read_recordings
    from ssl_behavior.formats.tracks.write import write_recordings as write_recordings
    from ssl_behavior.label_curve import LabelCurveConfig as LabelCurveConfig
    from ssl_behavior.label_curve import label_curve as label_curve
    from ssl_behavior.models.tcn import Architecture as Architecture
    from ssl_behavior.poses.augment import Augmentation as Augmentation
    from ssl_behavior.poses.prepare import Preparation as Preparation
    from ssl_behavior.predict import PredictConfig as PredictConfig
    from ssl_behavior.predict import predict as predict
    from ssl_behavior.predict_many import PredictManyConfig as PredictManyConfig
    from ssl_behavior.predict_many import predict_many as predict_many
    from ssl_behavior.pretrain import PretrainConfig as PretrainConfig
    from ssl_behavior.pretrain import pretrain as pretrain
    from ssl_behavior.probe import ProbeConfig as ProbeConfig
    from ssl_behavior.probe import probe as probe
    from ssl_behavior.recordings.labels import Bout as Bout
    from ssl_behavior.recordings.labels import Labels as Labels
    from ssl_behavior.recordings.recording import Recording as Recording
    from ssl_behavior.recordings.skeleton import Skeleton as Skeleton
    from ssl_behavior.repair import RepairConfig as RepairConfig
    from ssl_behavior.repair import repair as repair
    from ssl_behavior.search import SearchConfig as SearchConfig
    from ssl_behavior.search import search as search
    from ssl_behavior.simulate import SimulateConfig as SimulateConfig
    from ssl_behavior.simulate import simulate as simulate
    from ssl_behavior.simulation.simulator import simulate_recordings as simulate_recordings
    from ssl_behavior.suggest import SuggestConfig as SuggestConfig
    from ssl_behavior.suggest import suggest as suggest
    from ssl_behavior.sweep import SweepConfig as SweepConfig
    from ssl_behavior.sweep import sweep as sweep
    from ssl_behavior.track import TrackConfig as TrackConfig
    from ssl_behavior.track import track as track
    from ssl_behavior.training.objectives.masking import Masking as Masking
    from ssl_behavior.training.objectives.pretraining import Objective as Objective
    from ssl_behavior.training.supervised import Supervision as Supervision

    embed = embed_recordings
    explore_in_notebook = in_notebook

# By default, an idle thread of GNU OpenMP keeps its core busy for milliseconds to wait for the next work. Two trainings
# on one machine then stand still, because each needs the cores that the other's idle threads hold. A thread that sleeps
# at once, however, is late at the next of thousands of short operations (experiments/benchmarks/threads.md). Libraries
# read these variables when they are loaded. What the user has set stays.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

__version__ = "0.2.0"

_NAMES = {
    "api.embeddings": "Embeddings",
    "api.encoder": "PretrainedEncoder load_encoder",
    "api.estimator": "BehaviourEncoder",
    "api.frame_table": "frame_table",
    "api.model": "FinetunedModel load_model",
    "assemble": "AssembleConfig assemble",
    "atlas.atlas": "Atlas",
    "atlas.cluster_bouts": "ClusteredAtlas",
    "atlas.clusters": "Clustering",
    "check": "CheckConfig check",
    "cluster": "ClusterConfig cluster",
    "convert": "ConvertConfig convert",
    "embed": "EmbedConfig embed_recordings",
    "embed_many": "EmbedManyConfig embed_many",
    "errors": "InputError",
    "evaluate": "EvaluateConfig evaluate",
    "explore": "ExploreConfig explore in_notebook",
    "finetune": "FinetuneConfig finetune",
    "formats.labelled": "read_labelled",
    "formats.tracks.read": "read_recordings",
    "formats.tracks.write": "write_recordings",
    "label_curve": "LabelCurveConfig label_curve",
    "models.tcn": "Architecture",
    "poses.augment": "Augmentation",
    "poses.prepare": "Preparation",
    "predict": "PredictConfig predict",
    "predict_many": "PredictManyConfig predict_many",
    "pretrain": "PretrainConfig pretrain",
    "probe": "ProbeConfig probe",
    "recordings.labels": "Bout Labels",
    "recordings.recording": "Recording",
    "recordings.skeleton": "Skeleton",
    "repair": "RepairConfig repair",
    "search": "SearchConfig search",
    "simulate": "SimulateConfig simulate",
    "simulation.simulator": "simulate_recordings",
    "suggest": "SuggestConfig suggest",
    "sweep": "SweepConfig sweep",
    "track": "TrackConfig track",
    "training.objectives.masking": "Masking",
    "training.objectives.pretraining": "Objective",
    "training.supervised": "Supervision",
}
_RENAMED = {"embed_recordings": "embed", "in_notebook": "explore_in_notebook"}
# Public name -> the module that defines it, and its name there.
_PUBLIC = {_RENAMED.get(name, name): (module, name) for module, names in _NAMES.items() for name in names.split()}
_MODULES = ("experiments", "plots")
"""Modules that are public with all their names: ``sb.experiments.post``, ``sb.plots.plot_scores``."""
__all__ = sorted({*_PUBLIC, *_MODULES})


class _Package(ModuleType):
    """The package as a module whose public names are loaded when they are first used.

    This is a class because type checkers take a module's ``__getattr__`` for a promise that any name exists.
    """

    def __getattr__(self, name: str) -> Any:
        if name in _MODULES:
            return importlib.import_module(f"{self.__name__}.{name}")
        if name not in _PUBLIC:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        module, original = _PUBLIC[name]
        value = getattr(importlib.import_module(f"{self.__name__}.{module}"), original)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds a submodule to its package under the submodule's name. The commands' modules have the
        # names of their functions: without this, the order of imports would decide whether
        # `sb.pretrain` is a module or a function.
        if not (name in _PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*__all__, *(name for name in vars(self) if name.startswith("__"))})


sys.modules[__name__].__class__ = _Package
