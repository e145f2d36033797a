"""The videos that annotations may belong to, and what is known of their time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.paths import file_stem


@dataclass(frozen=True)
class Video:
    """What a reader of annotations needs to know of a video.

    Attributes:
        id: the video id that matches annotations with tracks and predictions.
        frame_rate: Hz; None if neither the tracks nor the user give it.
        frames: number of frames of the tracks; None without tracks.
    """

    id: str
    frame_rate: float | None = None
    frames: int | None = None


class Videos:
    """The videos that have tracks or predictions.

    Args:
        videos: these videos, which differ in their ids.
        frame_rate: Hz of all other videos; None if it is unknown.

    Examples:
        >>> Videos([Video("day1/mouse", 25.0)]).find("day1_mouse", "mouse")
        Video(id='day1/mouse', frame_rate=25.0, frames=None)
    """

    def __init__(self, videos: Iterable[Video] = (), frame_rate: float | None = None) -> None:
        self._videos = {video.id: video for video in videos}
        self._by_stem = {file_stem(name): video for name, video in self._videos.items()}
        self._frame_rate = frame_rate

    @classmethod
    def of(cls, recordings: Iterable[Recording]) -> Videos:
        """Return the videos of recordings. An assumed frame rate is no known one."""
        return cls(
            Video(
                recording.id,
                None if recording.frame_rate_is_assumed else recording.frame_rate,
                recording.frames,
            )
            for recording in recordings
        )

    def find(self, *names: str) -> Video:
        """Return the first video that one of these names stands for.

        Args:
            names: names that a file of annotations gives for its video, the surest first.

        Returns:
            A video of this collection; if none matches, one whose id is the first name.
        """
        for name in names:
            if video := self._videos.get(name) or self._by_stem.get(file_stem(name)):
                return video
        return Video(names[0], self._frame_rate)


UNKNOWN_VIDEOS = Videos()
"""No video is known: annotations are read by themselves."""
