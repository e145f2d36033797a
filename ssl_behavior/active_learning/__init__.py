"""Which clips of an atlas to label next, from how unsure a model is of them and how they cover the recordings."""

from ssl_behavior.active_learning.clips import Clips, cut
from ssl_behavior.active_learning.criterion import Chosen, choose, entropy
from ssl_behavior.active_learning.labelled import LabelledClips, read_known
from ssl_behavior.active_learning.output import SUGGESTED, Suggestion, table, to_correct
from ssl_behavior.active_learning.picture import suggestions_picture
from ssl_behavior.active_learning.pool import LabelPool, read_predicted

__all__ = [
    "SUGGESTED",
    "Chosen",
    "Clips",
    "LabelledClips",
    "LabelPool",
    "Suggestion",
    "choose",
    "cut",
    "entropy",
    "read_known",
    "read_predicted",
    "suggestions_picture",
    "table",
    "to_correct",
]
