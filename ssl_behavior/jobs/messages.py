"""A message: all that a worker needs to know to train an encoder or a model, as a small JSON file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ssl_behavior import __version__
from ssl_behavior.errors import InputError
from ssl_behavior.jobs.training_units import TrainingUnit, training_unit
from ssl_behavior.storage.names import require_name
from ssl_behavior.storage.object_store import InputFile
from ssl_behavior.storage.versions import source_commit

DIGEST = re.compile(r"[0-9a-f]{16}")
"""The digest of a training, as ``unit_digest`` makes it."""


@dataclass(frozen=True)
class Message:
    """One training that any worker can do, any number of times, with the same result.

    Attributes:
        experiment: name of the experiment that posted it first.
        unit: the training: addresses and stamps of its inputs, and its settings.
        version: version of the package that must do it.
        commit: commit of the source that posted it; None where there is none.
    """

    experiment: str
    unit: TrainingUnit
    version: str = __version__
    commit: str | None = None

    @classmethod
    def of_this_version(cls, experiment: str, unit: TrainingUnit) -> Message:
        """Return the message of a unit, with the version and the commit of the source that is running."""
        return cls(experiment, unit, commit=source_commit())

    @property
    def is_for_this_version(self) -> bool:
        """Return whether workers of this version may do it: other versions give other results."""
        return self.version == __version__

    def to_json(self) -> bytes:
        """Return the content of the message's file."""
        content = {
            "experiment": self.experiment,
            "training": "model" if self.unit.encoder else "encoder",
            "digest": self.unit.digest,
            "encoder": self.unit.encoder.digest if self.unit.encoder else None,
            "version": self.version,
            "commit": self.commit,
            "inputs": [{"address": file.address, "stamp": file.stamp} for file in self.unit.inputs],
            "settings": self.unit.section,
        }
        return json.dumps(content, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes, digest: str, file: str) -> Message:
        """Read the content of a message's file.

        Args:
            content: of the file.
            digest: of the training, as the file's name states it.
            file: address of the file, for the error message.

        Raises:
            InputError: the file is damaged, or is no message.
        """
        try:
            fields = json.loads(content)
            encoder = None if fields["encoder"] is None else training_unit(_digest(fields["encoder"]), None)
            inputs = tuple(InputFile(_text(one["address"]), _text(one["stamp"])) for one in fields["inputs"])
            unit = training_unit(_digest(fields["digest"]), encoder, inputs, _text(fields["settings"]))
            for name in ("experiment", "version"):
                require_name(fields[name], name)
            if unit.digest != digest:
                raise ValueError(f"the message {unit.digest}")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"{file}: expected a message of ssl-behavior experiments; found something else "
                f"({type(error).__name__}: {error}): post the experiment again, which repairs it"
            ) from None
        return cls(fields["experiment"], unit, fields["version"], str(fields["commit"] or "") or None)


def _digest(text: Any) -> str:
    """Return a digest; anything else could name a file elsewhere."""
    if not DIGEST.fullmatch(_text(text)):
        raise ValueError(f"expected 16 hexadecimal digits; found {text!r:.40}")
    return str(text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text; found {value!r:.40}")
    return value
