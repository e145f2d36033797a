"""``ssl-behavior embed_many``: what embed does, for thousands of recordings, on a Ray cluster."""

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
from ssl_behavior.compute.devices import Device, resolve_precision
from ssl_behavior.errors import InputError
from ssl_behavior.jobs.per_recording import ManyConfig
from ssl_behavior.jobs.ray_pool import do_missing, require_none
from ssl_behavior.jobs.results import Results, Unit
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.prepare import prepare_each
from ssl_behavior.storage.object_store import absolute, fetch_folder, require_extra


@dataclass(frozen=True, kw_only=True)
class EmbedManyConfig(ManyConfig):
    """Settings of embedding on Ray.

    Attributes:
        encoder: folder that pretrain wrote, on a disk that all workers see or in a store.
        output: folder of the atlas, on a disk that all workers see or in a store; recordings that are there, from the
            same content, are left as they are.
        half: store half-precision numbers, which take half the space.
    """

    encoder: str
    output: str = "atlas"
    half: bool = False


def embed_many(config: EmbedManyConfig) -> str:
    """Have the embedding of every frame and ordered pair of each recording written to the atlas ``config.output``.

    Returns:
        the atlas' address; where that is on a disk, ``Atlas`` opens it.

    Raises:
        InputError: there are no recordings, the output holds something else, or some recordings cannot be embedded,
            while the others are.
    """
    require_extra()
    config = config.located()
    encoder = _loaded(absolute(config.encoder))
    # Settled here for all workers, whatever they compute on.
    encoder.precision = resolve_precision(config.precision, torch.device(config.device))
    made_by = atlas_meta(encoder, config.half)
    units = config.units(asdict(made_by))
    config.results.begin(
        ABOUT, _about(config.results, made_by), config.overwrite, lambda name: name.startswith(f"{VIDEOS}/")
    )
    config.save()
    missing = config.results.missing(units)
    failed = do_missing(units, missing, _Embedding(config, made_by), config, "embedding")
    require_none(failed, len(missing))
    return config.output


def _about(results: Results, made_by: AtlasMeta) -> bytes:
    """What says who made the atlas: that which is there if it says the same, whichever version wrote it."""
    with TemporaryDirectory() as name:
        path = Path(name) / ABOUT
        if (former := results.store.read([ABOUT]).get(ABOUT)) is not None:
            path.write_bytes(former)
            with suppress(InputError):
                Atlas.create(path.parent, made_by)
                return former
            path.unlink()
        Atlas.create(path.parent, made_by)
        return path.read_bytes()


@dataclass(frozen=True)
class _Embedding:
    """The work on a unit."""

    config: EmbedManyConfig
    made_by: AtlasMeta

    def __call__(self, unit: Unit) -> None:
        encoder = _encoder(absolute(self.config.encoder), self.made_by.encoder, self.config.device)
        encoder.precision = self.made_by.precision
        with TemporaryDirectory() as name:
            folder = Path(name)
            recording = self.config.read_one(unit, folder)
            ((_, poses),) = prepare_each([recording], encoder.landmarks, encoder.preparation)
            atlas = Atlas.create(folder / "atlas", self.made_by)
            add_recording(atlas, encoder, recording, poses)
            file = atlas.path(recording.id)
            self.config.results.put(unit, {f"{VIDEOS}/{file.name}": file}, {})


@lru_cache(maxsize=1)
def _encoder(address: str, fingerprint: str, device: Device) -> Encoder:
    """The encoder, read once by each worker."""
    encoder = _loaded(address)
    if encoder.fingerprint() != fingerprint:
        raise InputError(
            f"{address}: expected the encoder that was there at the start and found another one: run again"
        )
    return encoder.to(device)


def _loaded(address: str) -> Encoder:
    with TemporaryDirectory() as folder:
        return checkpoints.load_encoder(fetch_folder(address, Path(folder)))


def _next_steps(_: EmbedManyConfig, atlas: str) -> None:
    """Print where the results are, and what to run next."""
    print(f"\natlas: {atlas}")
    copy = " (copy the folder to a disk first)" if "://" in atlas else ""
    print(f"next:  see what behaviours there are{copy}")
    print(f"       ssl-behavior cluster --atlas {atlas}")


main = run.command(EmbedManyConfig, embed_many, "Embed thousands of recordings on a Ray cluster.", _next_steps)


if __name__ == "__main__":
    main()
