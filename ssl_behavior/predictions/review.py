"""Files for people to correct: per video one for the Caltech annotator and one for BORIS.

``written.yaml`` beside them holds the content of each as it was written, so that a file that somebody has corrected
since is told from one that nobody touched, and is never written over.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from ssl_behavior.errors import InputError, some
from ssl_behavior.formats.annotations import boris, caltech
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import replacing, write_text
from ssl_behavior.storage.digests import file_digest
from ssl_behavior.storage.paths import file_stem

_ENDINGS = {"_annot.txt": caltech, ".boris": boris}
_WRITTEN, _NAMED = "written.yaml", 5


class ReviewFolder:
    """A folder of files to correct; need not be there yet.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = _read(path / _WRITTEN)

    @property
    def stems(self) -> set[str]:
        """The videos of which there are files, as they stand in file names."""
        return {path.name.removesuffix(end) for end in _ENDINGS for path in self.path.glob(f"*{end}")}

    def require_unedited(self, stems: Iterable[str]) -> None:
        """Make sure that nobody's work is lost by writing these videos' files anew.

        Raises:
            InputError: somebody has edited one, or it is not known who wrote it.
        """
        edited = [file for stem in stems for file in self._files(stem) if self._is_edited(file)]
        if edited:
            raise InputError(
                f"--output {self.path.parent}: expected the files to review as they were written and found "
                f"{some([file.name for file in edited], _NAMED)} in {self.path} edited since; move these elsewhere to "
                "keep them, or give another --output"
            )

    def clear(self, stems: Iterable[str]) -> None:
        """Take away the files of these videos."""
        self.path.mkdir(parents=True, exist_ok=True)
        gone = {file for stem in stems for file in self._files(stem)}
        for file in gone:
            file.unlink(missing_ok=True)
        names = {file.name for file in gone}
        there = {path.name for path in self.path.iterdir()} - names  # a kill may have left a note without its file
        self._written = {name: content for name, content in self._written.items() if name in there}
        write_text(self.path / _WRITTEN, _lines(self._written))

    def write(self, annotations: Annotations, frame_rate: float) -> None:
        """Write one video's annotations for both programs, at ``frame_rate`` Hz."""
        self.path.mkdir(parents=True, exist_ok=True)
        files = self._files(file_stem(annotations.id))
        with TemporaryDirectory() as folder:
            made = [Path(folder) / file.name for file in files]
            for module, file in zip(_ENDINGS.values(), made, strict=True):
                module.write(file, annotations, frame_rate)
            # Noted first, so that no file is there of which it is not known who wrote it.
            with (self.path / _WRITTEN).open("a", encoding="utf-8") as written:  # added to, as there may be thousands
                written.write(_lines({file.name: file_digest(file, 16) for file in made}))
            for one, file in zip(made, files, strict=True):
                with replacing(file) as aside:
                    shutil.copyfile(one, aside)

    def _files(self, stem: str) -> list[Path]:
        return [self.path / f"{stem}{end}" for end in _ENDINGS]

    def _is_edited(self, file: Path) -> bool:
        return file.exists() and file_digest(file, 16) != self._written.get(file.name)


def _read(path: Path) -> dict[str, str]:
    """What is written, or nothing where it is not whole: all that is there is then taken for somebody else's."""
    try:
        whole_lines = yaml_files.read_text(path).rpartition("\n")[0]  # the last may have been cut short
        plain = yaml_files.loads(whole_lines, path, repeats=True)
    except InputError:
        return {}
    return plain if isinstance(plain, dict) else {}


def _lines(written: dict[str, str]) -> str:
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True) if written else ""
