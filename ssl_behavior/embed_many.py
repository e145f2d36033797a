"""``ssl-behavior embed_many``: do what ``embed`` does for thousands of recordings, on a Ray cluster."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from ssl_behavior.atlas.atlas import ABOUT, VIDEOS, Atlas, AtlasMeta
from ssl_behavior.atlas.embedding import add_recording, atlas_meta
from ssl_behavior.cli import run
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, resolve_precision
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.jobs.per_recording import PerRecordingConfig
from ssl_behavior.jobs.ray_pool import require_no_failures, run_missing
from ssl_behavior.jobs.results import Results, Unit
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.prepare import prepare_each
from ssl_behavior.storage.array_files import SUFFIX
from ssl_behavior.storage.object_store import absolute, fetch_folder, require_cluster_packages


@dataclass(frozen=True, kw_only=True)
class EmbedManyConfig(PerRecordingConfig):
    """Settings of embedding on Ray.

    Attributes:
        encoder: folder that pretrain wrote, on a disk that all workers see or in an object store.
        output: folder of the atlas, on a disk that all workers see or in an object store; recordings that it already
            holds, with the same content, are not embedded again.
        half: store half-precision numbers, which take half the space.
    """

    encoder: str
    output: str = "atlas"
    half: bool = False


@check_arguments
def embed_many(config: EmbedManyConfig) -> str:
    """Write the embedding of every frame and ordered pair of each recording to the atlas ``config.output``.

    Returns:
        The address of the atlas; if that is on a disk, ``Atlas`` opens it.

    Raises:
        InputError: there are no recordings, the output holds something else, or some recordings cannot be embedded. The
            others are embedded in that case.
    """
    require_cluster_packages()
    config = config.with_absolute_addresses()
    encoder = _load_encoder(absolute(config.encoder))
    # Resolved here once: "auto" could mean another precision on another worker.
    encoder.precision = resolve_precision(config.precision, torch.device(config.device))
    meta = atlas_meta(encoder, config.half)
    units = config.units(asdict(meta))
    config.results.claim(
        ABOUT, _about(config.results, meta), config.overwrite, lambda name: name.startswith(f"{VIDEOS}/")
    )
    config.save()
    missing = config.results.missing(units)
    failures = run_missing(units, missing, _Embedding(config, meta), config, "embedding")
    require_no_failures(failures, len(missing))
    return config.output


def _about(results: Results, meta: AtlasMeta) -> bytes:
    """Return the content of ``atlas.yaml``; the existing one, of any version of the package, if it says the same."""
    with TemporaryDirectory() as name:
        path = Path(name) / ABOUT
        if (existing := results.store.read([ABOUT]).get(ABOUT)) is not None:
            path.write_bytes(existing)
            with suppress(InputError):
                Atlas.create(path.parent, meta)
                return existing
            path.unlink()
        Atlas.create(path.parent, meta)
        return path.read_bytes()


@dataclass(frozen=True)
class _Embedding:
    """The work on a unit: embed its recording."""

    config: EmbedManyConfig
    meta: AtlasMeta

    def __call__(self, unit: Unit) -> None:
        encoder = _cached_encoder(absolute(self.config.encoder), self.meta.encoder, self.config.device)
        encoder.precision = self.meta.precision
        with TemporaryDirectory() as name:
            folder = Path(name)
            recording = self.config.read_recording(unit, folder)
            ((_, poses),) = prepare_each([recording], encoder.landmarks, encoder.preparation)
            atlas = Atlas.create(folder / "atlas", self.meta)
            add_recording(atlas, encoder, recording, poses)
            file = atlas.path(recording.id)
            self.config.results.put(unit, {f"{VIDEOS}/{unit.label}{SUFFIX}": file}, {})


@lru_cache(maxsize=1)
def _cached_encoder(address: str, fingerprint: str, device: Device) -> Encoder:
    """Return the encoder; a worker reads it once."""
    encoder = _load_encoder(address)
    if encoder.fingerprint() != fingerprint:
        raise InputError(f"{address}: expected the same encoder as at the start; found another one: run again")
    return encoder.to(device)


def _load_encoder(address: str) -> Encoder:
    with TemporaryDirectory() as folder:
        return checkpoints.load_encoder(fetch_folder(address, Path(folder)))


def _next_steps(_: EmbedManyConfig, atlas: str) -> None:
    """Print where the results are, and what to run next."""
    print(f"\natlas: {atlas}")
    copy = " (copy the folder to a disk first)" if "://" in atlas else ""
    print(f"next:  see which behaviours there are{copy}")
    print(f"       {command_line('cluster', '--atlas', atlas)}")


main = run.command(EmbedManyConfig, embed_many, "Embed thousands of recordings on a Ray cluster.", _next_steps)


if __name__ == "__main__":
    main()
