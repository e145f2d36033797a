"""Choose the clips of an atlas to label next: those that a model is unsure about and that represent many others."""

from ssl_behavior.active_learning.channel_labels import ChannelLabels, read_channel_labels
from ssl_behavior.active_learning.clips import ClipEmbeddings, split_into_clips
from ssl_behavior.active_learning.criterion import Choice, choose_clips, entropy
from ssl_behavior.active_learning.output import SUGGESTED, Suggestion, review_annotations, suggestions_csv
from ssl_behavior.active_learning.picture import suggestions_picture
from ssl_behavior.active_learning.pool import LabelPool, read_predictions

__all__ = [
    "SUGGESTED",
    "ChannelLabels",
    "Choice",
    "ClipEmbeddings",
    "LabelPool",
    "Suggestion",
    "choose_clips",
    "entropy",
    "read_channel_labels",
    "read_predictions",
    "review_annotations",
    "split_into_clips",
    "suggestions_csv",
    "suggestions_picture",
]
