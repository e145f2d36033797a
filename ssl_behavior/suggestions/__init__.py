"""Which clips of an atlas to label next, from how unsure a model is of them and how they cover the recordings."""

from ssl_behavior.suggestions.choice import Chosen, choose, entropy
from ssl_behavior.suggestions.clips import Clips, cut
from ssl_behavior.suggestions.known import Known, read_known
from ssl_behavior.suggestions.listing import SUGGESTED, Suggestion, table, to_correct
from ssl_behavior.suggestions.material import Material, read_predicted
from ssl_behavior.suggestions.picture import suggestions_picture

__all__ = [
    "SUGGESTED",
    "Chosen",
    "Clips",
    "Known",
    "Material",
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
