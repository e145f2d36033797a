"""Files for people to correct: two per video, one for the Caltech annotator and one for BORIS.

``written.yaml`` beside them stores a hash of each file as it was written. A file with another hash has been corrected
by a person, and is never overwritten.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.annotations import boris, caltech
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_atomically, write_text
from ssl_behavior.storage.digests import file_digest

_ENDINGS = {"_annot.txt": caltech, ".boris": boris}
_WRITTEN, _NAMED = "written.yaml", 5


class ReviewFolder:
    """A folder of files to correct.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashes = _read_hashes(path / _WRITTEN)

    @property
    def stems(self) -> set[str]:
        """The videos that have files, by the stems of their file names."""
        return {path.name.removesuffix(ending) for ending in _ENDINGS for path in self.path.glob(f"*{ending}")}

    def require_unedited(self, stems: Iterable[str]) -> None:
        """Make sure that overwriting the files of these videos loses nobody's work.

        Args:
            stems: videos, by the stems of their file names.

        Raises:
            InputError: a person has edited a file, or ``written.yaml`` does not list it.
        """
        edited = [file for stem in stems for file in self._files(stem) if self._is_edited(file)]
        if edited:
            raise InputError(
                f"--output {self.path.parent}: expected the files to review as they were written; found "
                f"{list_names([file.name for file in edited], _NAMED)} in {self.path} edited since; move these "
                "elsewhere to keep them, or choose another --output"
            )

    def clear(self, stems: Iterable[str]) -> None:
        """Remove the files of these videos, given by the stems of their file names."""
        self.path.mkdir(parents=True, exist_ok=True)
        removed = {file for stem in stems for file in self._files(stem)}
        for file in removed:
            file.unlink(missing_ok=True)
        # An interrupted run may have listed a file that it did not write: keep the hashes of existing files only.
        remaining = {path.name for path in self.path.iterdir()} - {file.name for file in removed}
        self._hashes = {name: digest for name, digest in self._hashes.items() if name in remaining}
        write_text(self.path / _WRITTEN, _to_yaml(self._hashes))

    def write(self, annotations: Annotations, frame_rate: float, stem: str) -> None:
        """Write the files of one video.

        Args:
            annotations: annotations of the video.
            frame_rate: frame rate of the video in Hz.
            stem: beginning of the file names (see ``file_stems``).
        """
        self.path.mkdir(parents=True, exist_ok=True)
        files = self._files(stem)
        with TemporaryDirectory() as folder:
            drafts = [Path(folder) / file.name for file in files]
            for module, draft in zip(_ENDINGS.values(), drafts, strict=True):
                module.write(draft, annotations, frame_rate)
            # The hashes go first: a file without one would be taken for a person's. They are appended, as rewriting
            # the list for each of thousands of videos would be slow.
            with (self.path / _WRITTEN).open("a", encoding="utf-8") as written:
                written.write(_to_yaml({draft.name: file_digest(draft, 16) for draft in drafts}))
            for draft, file in zip(drafts, files, strict=True):
                with write_atomically(file) as aside:
                    shutil.copyfile(draft, aside)

    def _files(self, stem: str) -> list[Path]:
        return [self.path / f"{stem}{ending}" for ending in _ENDINGS]

    def _is_edited(self, file: Path) -> bool:
        return file.exists() and file_digest(file, 16) != self._hashes.get(file.name)


def _read_hashes(path: Path) -> dict[str, str]:
    """File name -> hash; empty if the file is damaged, as every file is then taken for a person's."""
    try:
        whole_lines = yaml_files.read_text(path).rpartition("\n")[0]  # an interrupt may have cut the last line short
        plain = yaml_files.loads(whole_lines, path, repeats=True)
    except InputError:
        return {}
    return plain if isinstance(plain, dict) else {}


def _to_yaml(hashes: dict[str, str]) -> str:
    return yaml.safe_dump(hashes, sort_keys=False, allow_unicode=True) if hashes else ""
