"""From a file's name to the video's id, and from an id to a file's name.

The two rules fit together: whatever ``file_stems`` makes of an id, ``recordings.videos.Videos.find`` leads back to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ssl_behavior.storage.digests import digest

# Endings that this program and others give to a video's files, longest first. A name such as "mouse1.2024.csv" loses
# its last ending only.
_ENDINGS = (
    ".safetensors",
    "_annot.txt",
    ".bouts.csv",
    ".json.gz",
    ".parquet",
    ".csv.gz",
    ".annot",
    ".boris",
    ".json",
    ".hdf5",
    ".csv",
    ".tsv",
    ".npy",
    ".slp",
    ".nwb",
    ".txt",
    ".nc4",
    ".h5",
    ".nc",
)

_ANALYSIS = re.compile(r"(?<=.)\.analysis$")
_APPENDED = (
    re.compile(r"(?<=.)_?(?:DLC|DeepCut)_.*$"),  # DeepLabCut's scorer, with _filtered, _el, _sk and the like behind it
    re.compile(r"(?<=.)_superanimal_.*$"),  # DeepLabCut's model zoo
    re.compile(r"(?<=.)\.(?:predictions|proofread|tracked|cleaned)$"),  # SLEAP
    re.compile(r"(?<=.)_pose_est_v\d+$"),  # JABS
    re.compile(r"(?<=.)_pose_(?:top|front)(?:_v\d+(?:_\d+)*)?$"),  # MARS
    re.compile(r"(?<=.)_annot$"),
    re.compile(r"(?<=.)\.(?:mp4|avi|mov|mkv|m4v|mpe?g|wmv|webm|mts|seq|tiff?)$", re.IGNORECASE),
    _ANALYSIS,
)
"""Words that programs append to a video's name, in front of the ending."""

_OF_PROJECT = re.compile(r"^.+?\.\d{3}_(?=.)")
"""The part that SLEAP puts before a video's name in an analysis file: the project's name and the video's number."""

_MAX_BYTES = 200
"""Longest stem. A file system takes 255 bytes, and endings and temporary names take up to 41 of them."""

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f]')
"""Characters that Windows allows in no file name, and control characters."""

_RESERVED = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
"""Names of devices on Windows, which are none of a file whatever their ending."""

_MARKED = re.compile(r".*~[0-9a-f]{8}", re.IGNORECASE | re.DOTALL)
"""Names as ``unique_stem`` makes them. An id that looks like one could be taken for another id's."""


def video_id(path: str | Path) -> str:
    """The id of the video that a file of tracks, annotations or predictions belongs to.

    This is the file's name without its ending (``.csv.gz``, ``_annot.txt``, ...) and without what DeepLabCut
    (``DLC_...``, ``_superanimal_...``), SLEAP (``.predictions``, ``.analysis``), JABS (``_pose_est_v5``) and MARS
    (``_pose_top_v1_8``) append to a video's name, and without the ending of a video.

    Examples:
        >>> video_id("tracks/mouse1DLC_resnet50.csv.gz")
        'mouse1'
    """
    return _without_endings(path)[-1]


def names_of_video(path: str | Path) -> tuple[str, ...]:
    """The names that a file may give to its video, the surest first.

    An id may look as if a program had appended something to it, so the longer names come first.

    Examples:
        >>> names_of_video("m.analysis_annot.txt")
        ('m.analysis', 'm', 'm.analysis_annot')
    """
    return tuple(dict.fromkeys([*_without_endings(path), Path(path).stem]))


def _without_endings(path: str | Path) -> list[str]:
    """The file's name without its ending, and then without one thing after the other that programs append."""
    name = Path(path).name
    lower = name.lower()
    ending = next((each for each in _ENDINGS if lower.endswith(each) and len(each) < len(name)), Path(name).suffix)
    return without_appended(name[: len(name) - len(ending)])


def without_appended(name: str) -> list[str]:
    """The name, and then the name without one thing after the other that programs append to a video's.

    Examples:
        >>> without_appended("m.mp4.predictions")
        ['m.mp4.predictions', 'm.mp4', 'm']
    """
    names = [name]
    while pattern := next((each for each in _APPENDED if each.search(names[-1])), None):
        names.append(pattern.sub("", names[-1]))
        if pattern is _ANALYSIS and _OF_PROJECT.search(names[-1]):
            names.append(_OF_PROJECT.sub("", names[-1]))
    return names


def file_stem(video: str) -> str:
    r"""The file name, without an ending, for a video's id: ``/`` and ``\`` become ``_``.

    An id that no file may be called on some system (for its length, characters, or meaning there) gives a changed name
    with eight characters that identify the id. ``file_stems`` does so too where two ids give one name.

    Examples:
        >>> file_stem("day1/mouse"), file_stem("CON")
        ('day1_mouse', '_CON~a3dbc4b6')
    """
    flat = plain_stem(video)
    # With ".bouts" at its end, a table of frames would have the name of another video's table of bouts.
    is_safe = (
        flat == _safe(flat)
        and len(flat.encode("utf-8", "surrogatepass")) <= _MAX_BYTES
        and not _RESERVED.fullmatch(flat)
        and not flat.lower().endswith(".bouts")
        and not _MARKED.fullmatch(flat)
    )
    return flat if is_safe else unique_stem(video)


def unique_stem(video: str) -> str:
    """A file name, without an ending, that no other id has."""
    mark = f"~{digest(video.encode('utf-8', 'surrogatepass'), length=8)}"
    safe = _safe(plain_stem(video))
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"  # the part before the first dot decides, so a mark at the end would not help
    room = _MAX_BYTES - len(mark)
    return f"{safe.encode('utf-8', 'replace')[:room].decode('utf-8', 'ignore').strip(' .')}{mark}"


def stem_of_file(name: str) -> str:
    """The stem for results of a file with this name: its own if ``unique_stem`` made it, or else ``file_stem``."""
    return name if _MARKED.fullmatch(name) else file_stem(name)


def plain_stem(video: str) -> str:
    r"""The id with ``_`` in place of ``/`` and ``\``, as all files of version 0.1.0 are called."""
    return video.replace("/", "_").replace("\\", "_")


def _safe(flat: str) -> str:
    """The name in one spelling of its accents, without characters that a system refuses, hides or drops."""
    return _UNSAFE.sub("_", unicodedata.normalize("NFC", flat)).strip().strip(" .")


def file_stems(videos: Iterable[str], taken: Mapping[str, str] | None = None) -> dict[str, str]:
    """File names, without endings, that differ for all videos, also where a disk ignores case or accents' spelling.

    Args:
        videos: ids.
        taken: stem -> id of the files that exist. Their videos keep their stems.

    Returns:
        Id -> stem: ``file_stem``, or ``unique_stem`` where another video has that one.

    Examples:
        >>> file_stems(["a/b", "a_b"])
        {'a/b': 'a_b~c14cddc0', 'a_b': 'a_b'}
    """
    taken = taken or {}
    stems = {video: stem for stem, video in taken.items()}
    used = {_on_disk(stem) for stem in taken}
    videos = list(dict.fromkeys(videos))
    # An id that is a file name already has the first right to it.
    for video in sorted(videos, key=lambda name: (file_stem(name) != name, name)):
        if video not in stems:
            stem = file_stem(video)
            stems[video] = unique_stem(video) if _on_disk(stem) in used else stem
            used.add(_on_disk(stems[video]))
    return {video: stems[video] for video in videos}


def _on_disk(stem: str) -> str:
    """The form of a name that a disk compares if it ignores case and the spelling of accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", stem).casefold())


def distinct_ids(paths: Sequence[str]) -> list[str]:
    """The ids of files, where those of one name in several folders get these folders before it.

    Args:
        paths: paths or addresses, with slashes.

    Returns:
        Ids; those of two files of one video in one folder are equal.

    Examples:
        >>> distinct_ids(["a/m.csv", "b/m.csv", "b/n.csv"])
        ['a/m', 'b/m', 'n']
    """
    ids = [video_id(path) for path in paths]
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(ids):
        numbers.setdefault(name, []).append(number)
    for name, own in numbers.items():
        names = shortest_names([(*paths[number].split("/")[:-1], name) for number in own])
        if len(set(names)) == len(names):
            for number, distinct in zip(own, names, strict=True):
                ids[number] = distinct
    return ids


def shortest_names(paths: Sequence[Sequence[str]]) -> list[str]:
    """The names of paths with as few of their last folders as tell them apart.

    Args:
        paths: the parts of each path, the name last.

    Returns:
        Names such as ``a/trial1``, all with the same number of folders; some are equal if the paths are.

    Examples:
        >>> shortest_names([("day1", "a", "m"), ("day1", "b", "m")])
        ['a/m', 'b/m']
    """
    names: list[str] = []
    for count in range(1, max(map(len, paths), default=0) + 1):
        names = ["/".join(parts[-count:]) for parts in paths]
        if len(set(names)) == len(names):
            break
    return names
