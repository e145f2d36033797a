"""Repair: recordings whose tracker exchanged animals, and the exchanges that put each track back to its animal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssl_behavior.errors import InputError, count_of
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.tracking.association import seen_instances, typical_length
from ssl_behavior.tracking.exchange_costs import motion_cost
from ssl_behavior.tracking.exchanges import Change, Exchange, exchanged_names, list_exchanges
from ssl_behavior.tracking.memory import MotionScale, motion_scale
from ssl_behavior.tracking.renaming import likeliest_names, pair_chain, poses_of

PENALTY = 4.0
"""Cost of an exchange in nats: a tracker exchanges two animals once in a few hundred frames at most."""
DOUBTFUL = 0.95
"""Probability below which an exchange is doubtful."""
_SLIP_S = 2.0
"""An exchange that is taken back within this time is a slip of the tracker."""
_CONTEXT = 100
"""Frames with both animals before and after an exchange from which their motion is told."""


@dataclass(frozen=True, eq=False)
class RepairResult:
    """A repaired recording.

    Attributes:
        source: the recording as it was read.
        recording: the same with tracks exchanged.
        changes: the exchanges, in the order in which they are made.
    """

    source: Recording
    recording: Recording
    changes: tuple[Change, ...]

    def describe(self) -> str:
        """Return a line on the number of exchanges and of the frames that they change."""
        exchanges = [change.exchange for change in self.changes]
        names = exchanged_names(exchanges, self.source.frames, len(self.source.individuals))
        share = (names != np.arange(names.shape[1])).any(1).mean() if len(names) else 0.0
        slips = sum(exchange.stop is not None for exchange in exchanges)
        doubtful = sum(change.probability < DOUBTFUL for change in self.changes)
        return (
            f"{self.source.id}: {count_of(len(exchanges), 'exchange')}, {slips} of them taken back within "
            f"{_SLIP_S:g} s, {doubtful} doubtful; {share:.0%} of the frames have other names than before"
        )


def repair_recording(recording: Recording, penalty: float = PENALTY) -> RepairResult:
    """Find where the tracker exchanged animals, and exchange them back.

    The animals of the first frame keep their names.

    Args:
        recording: two individuals or more.
        penalty: cost of an exchange in nats; larger values change less.

    Raises:
        InputError: there is a single individual, or none is ever seen.

    Examples:
        >>> repair_recording(recording).changes[0].exchange  # doctest: +SKIP
        Exchange(start=1519, stop=None, pair=(0, 1))
    """
    where = recording.source or recording.id
    if len(recording.individuals) < 2:
        raise InputError(
            f"{where}: expected two individuals or more; found {count_of(len(recording.individuals), 'individual')}, "
            "which nothing can be exchanged with: leave the recording out"
        )
    tracks = np.asarray(recording.positions, np.float64)
    is_seen = seen_instances(tracks)
    if not is_seen.any():
        raise InputError(f"{where}: expected animals that are seen in some frame; found none")
    scale = motion_scale(tracks, is_seen)
    names = likeliest_names(tracks, penalty, scale)
    exchanges = list_exchanges(names, round(_SLIP_S * recording.frame_rate))
    changes = tuple(_judged(exchanges, tracks, names, penalty, scale))
    return RepairResult(recording, renamed(recording, names), changes)


def apply_changes(recording: Recording, changes: Sequence[Change]) -> RepairResult:
    """Exchange animals as a list says.

    Args:
        recording: the recording.
        changes: in the order in which they are made.
    """
    exchanges = [change.exchange for change in changes]
    names = exchanged_names(exchanges, recording.frames, len(recording.individuals))
    return RepairResult(recording, renamed(recording, names), tuple(changes))


def renamed(recording: Recording, names: np.ndarray) -> Recording:
    """Return a recording whose individuals have the tracks that ``names`` (time, animal) gives them."""
    confidence = recording.confidence
    return replace(
        recording,
        positions=np.take_along_axis(recording.positions, names[:, :, None, None], 1),
        confidence=None if confidence is None else np.take_along_axis(confidence, names[:, :, None], 1),
        content_hash=None,
    )


def _judged(
    exchanges: Sequence[Exchange], tracks: np.ndarray, names: np.ndarray, penalty: float, scale: MotionScale
) -> Iterator[Change]:
    """Yield each exchange with the evidence for it."""
    length = typical_length(tracks)
    ends: dict[tuple[int, int], list[int]] = {}
    for exchange in exchanges:
        ends.setdefault(exchange.pair, []).extend(_ends(exchange))
    judges = {pair: _Judge(tracks, names, pair, penalty, scale, ends[pair]) for pair in ends}
    for exchange in exchanges:
        judge = judges[exchange.pair]
        margin = judge.margin(exchange)
        yield Change(exchange, judge.distance(exchange.start) / length, margin, 1 / (1 + float(np.exp(-margin))))


def _ends(exchange: Exchange) -> list[int]:
    return [exchange.start] if exchange.stop is None else [exchange.start, exchange.stop]


class _Judge:
    """Evidence for the exchanges of two animals.

    Args:
        tracks: (time, track, keypoint, space).
        names: (time, animal) the repaired names.
        pair: the two animals.
        penalty: of an exchange, in nats.
        scale: how far the animals move.
        ends: frames at which these animals are exchanged.
    """

    def __init__(
        self,
        tracks: np.ndarray,
        names: np.ndarray,
        pair: tuple[int, int],
        penalty: float,
        scale: MotionScale,
        ends: Sequence[int],
    ) -> None:
        self._poses, self._scale, self._penalty = poses_of(tracks, names, pair), scale, penalty
        self._ends = np.unique([0, *ends, len(tracks)])
        self._both = np.flatnonzero(seen_instances(self._poses).all(1))
        chain = pair_chain(tracks, names, pair, penalty, scale)
        by_frame = chain.evidence[chain.stretches] / np.bincount(chain.stretches)[chain.stretches]
        self._shape = np.append(0.0, by_frame.cumsum())

    def margin(self, exchange: Exchange) -> float:
        """Nats by which an exchange fits better than none, by motion and by shapes."""
        ends = _ends(exchange)
        # Motion is told from poses that both animals have before and after.
        before = self._both[self._both < ends[0]][-_CONTEXT:]
        after = self._both[self._both >= ends[-1]][:_CONTEXT]
        window = slice(int(before[0]) if len(before) else 0, int(after[-1]) + 1 if len(after) else None)
        frames = np.arange(len(self._poses))
        is_undone = (frames >= exchange.start) & (frames < (exchange.stop or len(frames)))
        poses, undone = self._poses[window], is_undone[window]
        gain = motion_cost(poses, undone, self._scale) - motion_cost(poses, np.zeros_like(undone), self._scale)
        return gain - self._penalty * len(ends) + self._by_shape(exchange)

    def _by_shape(self, exchange: Exchange) -> float:
        """Nats by which shapes are likelier with an exchange than without."""
        start, stop = exchange.start, exchange.stop
        last = int(self._ends[np.searchsorted(self._ends, start) - 1])
        following = stop or int(self._ends[np.searchsorted(self._ends, start) + 1])
        earlier, later = self._shape[start] - self._shape[last], self._shape[following] - self._shape[start]
        return float(np.logaddexp(0, earlier + later) - np.logaddexp(earlier, later))

    def distance(self, frame: int) -> float:
        """Distance between the animals' centres just before or at a frame; NaN if they are not both seen."""
        poses = self._poses[max(frame - 1, 0) : frame + 1]
        with np.errstate(invalid="ignore"):
            centres = np.nansum(poses, axis=2) / np.isfinite(poses).sum(2)
        return float(np.fmin.reduce(np.linalg.norm(centres[:, 0] - centres[:, 1], axis=-1)))
