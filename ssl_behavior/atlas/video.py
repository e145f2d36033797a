"""One video with its embeddings."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ssl_behavior.errors import InputError, some
from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.labels import Labels


@dataclass(frozen=True, eq=False)
class EmbeddedVideo:
    """One video of an atlas; its arrays stay on disk until they are looked at.

    Attributes:
        poses: that the embeddings are of.
        embeddings: ordered pair of individuals' indices -> (time, channel).
        labels: channel of annotations -> labels at the poses' frames.
        unit: of the recording's own coordinates.
        source: the file that the tracks came from.
    """

    poses: Poses
    embeddings: Mapping[tuple[int, int], np.ndarray]
    labels: Mapping[str, Labels]
    unit: str
    source: str

    @property
    def id(self) -> str:
        """The video id."""
        return self.poses.id

    def located(self, pair: tuple[int, int]) -> np.ndarray:
        """(time,) bool, whether it is known where both animals of a pair are; without that nothing is known of them."""
        return np.asarray(~np.isnan(self.poses.centre[:, list(pair), 0]).any(1))

    def pairs_of(self, agent: str | None, target: str | None) -> list[tuple[int, int]]:
        """The pairs of this agent and this target, each of anybody if None.

        Raises:
            InputError: no such individuals.
        """
        names, wanted = self.poses.individuals, (agent, target)
        for option, name in zip(("--agent", "--target"), wanted, strict=True):
            if name is not None and name not in names:
                raise InputError(f"{option} {name}: expected an individual of video {self.id}; found {some(names)}")
        found = [
            pair
            for pair in self.embeddings
            if all(name in (None, names[i]) for name, i in zip(wanted, pair, strict=True))
        ]
        if not found:
            raise InputError(f"--agent {agent} --target {target}: expected two individuals; found one twice")
        return found


LONGEST_NAME = 200


def require_name(text: str, what: str) -> None:
    """Make sure that a text can be a name: short, and without what only terminals and files take a meaning from.

    Raises:
        InputError: it cannot; ``what`` says whose name it is.
    """
    if len(text) > LONGEST_NAME:
        raise InputError(f"expected at most {LONGEST_NAME} characters for the {what}; found {len(text):,}")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise InputError(f"expected a {what} without control characters; found {text!a}")


def pair_name(agent: str, target: str) -> str:
    """An ordered pair in words; a lone animal is its own target."""
    return agent if agent == target else f"{agent} > {target}"
