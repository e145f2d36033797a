"""Files that programs write beside tracks, or in place of tracks of keypoints: what they are, and what to give instead.

A folder of tracks often holds them. They are passed over there, and named where a person gives them directly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ssl_behavior.errors import PROGRAM, InputError
from ssl_behavior.formats.untrusted import hdf5, limits, pickles

AS_TABLE = (
    "write its points as a .csv with the columns frame, nose_x, nose_y, nose_p, ... (x, y and confidence of each "
    "keypoint; nose_1_x, nose_2_x for two animals)"
)
"""The layout that ``simba`` reads, as the way on for points in any other one."""
_KEYPOINTS_NEEDED = "track keypoints of the body (nose, tail base, ...) with DeepLabCut or SLEAP, and give their tracks"
_ANALYSED = "give the .csv or .h5 that DeepLabCut writes when it analyses the video"
_STITCHED = "run deeplabcut.stitch_tracklets and give the .h5 or .csv that it writes"

_BESIDE_TRACKS: tuple[tuple[str, str, str], ...] = (
    (
        r".+_skeleton\.(csv|h5)",
        "lengths and angles of bones that DeepLabCut computed",
        "give the tracks beside it, whose name lacks _skeleton",
    ),
    (r"CollectedData_.*\.(csv|h5)", "frames that a person labelled for DeepLabCut", _ANALYSED),
    (r"machinelabels.*\.(csv|h5)", "frames that DeepLabCut chose for labelling", _ANALYSED),
    (r".+_(before|after)_adapt\.json", "DeepLabCut's detections before and after its adaptation", _ANALYSED),
    (r".+_annot\.(csv|txt)", "annotations", "give it as --annotations, and the tracks as --recordings"),
)
"""Files in the folders of tracks: pattern of the whole name -> what it is, and what to do."""

_BY_NAME: tuple[tuple[str, str, str], ...] = (
    *_BESIDE_TRACKS,
    (r".+_meta\.(pickle|pkl)", "DeepLabCut's notes on how it analysed the video", _ANALYSED),
    (r".+_(full|assemblies|detections)\.(pickle|pkl)", "DeepLabCut's detections before tracking", _STITCHED),
    (r".+_(el|bx|sk|ctd)\.(pickle|pkl)", "DeepLabCut's tracklets before they are joined", _STITCHED),
    (r".+\.(pickle|pkl)", "a pickle, which could run code and is not opened", _ANALYSED),
    (
        r"(trajectories|with_gaps|without_gaps|validated).*\.(npy|h5|hdf5|csv|json|parquet)",
        "trajectories of idtracker.ai, one point per animal",
        _KEYPOINTS_NEEDED,
    ),
    (r".+_(fish|id)\d+\.(npz|csv)", "tracks of TRex, of one animal and without named keypoints", _KEYPOINTS_NEEDED),
    (r".+\.(pv|results)", "a file of TRex, without named keypoints", _KEYPOINTS_NEEDED),
    (r".+_feat_(top|front).*\.(npz|mat|h5|json)", "features that MARS computed", "give its file _pose_top...json"),
    (r".+_pose_front.*\.(json|npz|mat)", "poses of MARS's front camera", "give those of its top camera, _pose_top"),
    (
        r".+\.npz",
        "numpy arrays, which do not say what their axes are",
        f"{AS_TABLE}, or give peaks of a bottom-up network to {PROGRAM} assemble as --peaks",
    ),
    (r".+\.(xlsx|xls)", "an Excel workbook, as EthoVision exports", AS_TABLE),
    (r".+\.(mat|trk)", "a file of Matlab, which is not read", AS_TABLE),
    (r".+\.(parquet|feather)(\..+)?", "a table in a binary format that is not read as tracks", AS_TABLE),
    (
        r".+\.(mp4|avi|mov|mkv|m4v|mpg|mpeg|wmv|webm|mts|seq)",
        "a video",
        "track it with DeepLabCut or SLEAP, and give their tracks",
    ),
    (r".+(\.annot|\.boris)", "annotations", "give it as --annotations, and the tracks as --recordings"),
)
"""Pattern of the whole name -> what the file is, and what to do."""

_BY_START: tuple[tuple[str, str, str], ...] = (
    (
        r"#?\"?filename\"?,\"?file_size\"?,\"?file_attributes",
        "boxes or regions drawn in the VIA annotator",
        _KEYPOINTS_NEEDED,
    ),
    (r'"?Number of header lines:?"?[;,\t]', "an export of EthoVision", AS_TABLE),
    (r"scorer[;\t]", "a DeepLabCut table whose columns are not separated by commas", "save it with commas"),
    (
        r"[^,]*_x[;\t][^,]*_y([;\t]|$)",
        "a table of keypoints whose columns are not separated by commas",
        "save it with commas",
    ),
    (r"frame,time_s,label\b", "predictions of this program", "give it to evaluate as --predictions"),
    (r"video,start,stop,individual_1,individual_2\b", "exchanges of this program", "give it to repair as --apply"),
    (r"(Bento annotation file|Caltech Behavior Annotator)", "annotations", "give it as --annotations"),
    (r'"?Observation (id|date)\b', "events of BORIS", "give it as --annotations, and the tracks as --recordings"),
    (r"(frame|time)[^,;]*,\s*(label|behaviou?r)s?\b[^_]*$", "labels of frames", "give it as --annotations"),
    (r"(frame|time|time_s)?,?\s*X#|.*\bX#wcentroid", "tracks of TRex, without named keypoints", _KEYPOINTS_NEEDED),
)
"""Pattern at the start of the first line of a text file -> what the file is, and what to do."""

_HEAD = 4096
"""Bytes that tell what a text is: longer lines are no header."""

_PICTURE = re.compile(r"(labeled-data|.*\.(png|jpe?g|tiff?|bmp)(,|$))", re.IGNORECASE)


class OtherFile(InputError):
    """A file that is known to hold no tracks of keypoints."""

    def __init__(self, path: Path, what: str, instead: str) -> None:
        super().__init__(f"{path}: expected tracks of keypoints; found {what}: {instead}")
        self.what = what


class OtherFiles:
    """The other files among those that are read: a folder may hold them, and a person may not name them.

    Args:
        paths: what the person names.
    """

    def __init__(self, paths: str | Path | Sequence[str | Path]) -> None:
        entries = [paths] if isinstance(paths, str | Path) else paths
        self._named = {Path(path).expanduser().resolve() for path in entries}
        self._files: dict[str, list[Path]] = {}
        self._first: InputError | None = None

    def passes_over(self, path: Path, error: InputError) -> bool:
        """Return whether a file that cannot be read is passed over, and remember it."""
        if not isinstance(error, OtherFile) or path.resolve() in self._named:
            return False
        self._files.setdefault(error.what, []).append(path)
        self._first = self._first or error
        return True

    def notices(self) -> Iterator[str]:
        """Yield a line for each kind of file that was passed over."""
        for what, (first, *others) in self._files.items():
            yield f"{first}{f' and {len(others)} more' if others else ''}: passed over, as this is no tracks but {what}"

    def error(self) -> InputError | None:
        """Return what was wrong with the first file that was passed over, if any was."""
        return self._first


def describe_other(path: Path) -> tuple[str, str] | None:
    """Return what a file that holds no tracks of keypoints is, and what to give instead; None if it is not known.

    Examples:
        >>> describe_other(Path("m1.xlsx"))[0]
        'an Excel workbook, as EthoVision exports'
    """
    return _of_name(path.name, _BY_NAME) or _describe_content(path)


def beside_tracks(address: str) -> str:
    """Return what a file beside tracks is, going by its name alone; empty for any other file."""
    other = _of_name(address.rpartition("/")[2], _BESIDE_TRACKS)
    return other[0] if other else ""


def _of_name(name: str, rules: Sequence[tuple[str, str, str]]) -> tuple[str, str] | None:
    matches = ((what, instead) for pattern, what, instead in rules if re.fullmatch(pattern, name, re.IGNORECASE))
    return next(matches, None)


def _describe_content(path: Path) -> tuple[str, str] | None:
    lower = path.name.lower()
    look: Callable[[Path], tuple[str, str] | None]
    if lower.endswith((".csv", ".tsv", ".txt", ".csv.gz")):
        look = _describe_text
    elif lower.endswith(".json"):
        look = _describe_json
    elif lower.endswith((".h5", ".hdf5", ".nc", ".nc4")):
        look = _describe_hdf5
    elif lower.endswith(".npy"):
        look = _describe_pickled
    else:
        return None
    try:
        return look(path)
    except (InputError, OSError, UnicodeError, ValueError):
        return None


def _describe_text(path: Path) -> tuple[str, str] | None:
    with limits.opened(path) as file:
        start = file.read(_HEAD)
    is_utf16 = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    line = start.decode("utf-16" if is_utf16 else "utf-8-sig", "replace").split("\n", 1)[0].strip()
    for pattern, what, instead in _BY_START:
        if re.match(pattern, line, re.IGNORECASE):
            return what, instead
    if is_utf16:
        return "text in UTF-16", "save it as UTF-8"
    if not line.lower().startswith("scorer,"):
        return None
    with limits.opened(path) as file:
        lines = [file.readline(limits.LONGEST_LINE).decode("utf-8", "replace") for _ in range(6)]
    if any(text.lower().startswith("bones,") for text in lines):
        return "lengths and angles of bones that DeepLabCut computed", "give the tracks, which have a row bodyparts"
    if any(_PICTURE.match(text) for text in lines[2:]):
        return "pictures that a person labelled for DeepLabCut", _ANALYSED
    return None


def _describe_json(path: Path) -> tuple[str, str] | None:
    with limits.opened(path) as file:
        start = file.read(1 << 12).decode("utf-8", "replace")
    keys = set(re.findall(r'"(\w+)"\s*:', start))
    if {"images", "categories"} & keys and "sequences" not in keys and "vocab" not in keys:
        return "pictures labelled in COCO's layout", _ANALYSED
    if "_via_settings" in keys or "_via_img_metadata" in keys:
        return "a project of the VIA annotator", _KEYPOINTS_NEEDED
    if {"version", "people"} <= keys:
        return "one frame of OpenPose", AS_TABLE
    return None


def _describe_hdf5(path: Path) -> tuple[str, str] | None:
    if hdf5.holds(path, "position", "shape") and not hdf5.holds(path, "keypoints"):
        return "boxes around animals that movement wrote", _KEYPOINTS_NEEDED
    if hdf5.holds(path, "trajectories"):
        return "trajectories of idtracker.ai, one point per animal", _KEYPOINTS_NEEDED
    return None


def _describe_pickled(path: Path) -> tuple[str, str] | None:
    tree = pickles.load(path) if pickles.is_pickled(path) else None
    if isinstance(tree, dict) and "trajectories" in tree:
        return "trajectories of idtracker.ai, one point per animal", _KEYPOINTS_NEEDED
    return None
