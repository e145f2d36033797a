"""Digests equal published SHA-256 values and those in files of earlier versions."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import Clusters
from ssl_behavior.models.checkpoints import fingerprint, load_encoder
from ssl_behavior.storage.digests import digest, file_digest

WRITTEN = Path(__file__).parents[1] / "versions" / "0.1.0"


def test_a_digest_is_the_beginning_of_the_sha256_of_all_parts() -> None:
    whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # pragma: allowlist secret
    assert digest("abc", length=64) == whole
    assert digest("abc") == digest("a", b"bc") == "ba7816bf8f01cfea"


def test_an_array_contributes_its_values_in_c_order() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    expected = hashlib.sha256(values.tobytes()).hexdigest()[:16]
    assert digest(values) == digest(values.copy(order="F")) == digest(values[:1], values[1:]) == expected
    assert digest(values[:, ::2]) == digest(values[:, ::2].tobytes())
    assert digest(np.zeros((0, 3))) == digest()


@pytest.mark.parametrize("length", [16, 64])
def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path, length: int) -> None:
    (tmp_path / "a").write_bytes(b"tracks" * 100_000)
    assert file_digest(tmp_path / "a", length) == digest(b"tracks" * 100_000, length=length)


def test_fingerprints_of_files_of_earlier_versions_are_unchanged() -> None:
    assert fingerprint(WRITTEN / "model") == "a53e2b1d6170948e"  # pragma: allowlist secret
    assert load_encoder(WRITTEN / "encoder").fingerprint() == Atlas(WRITTEN / "atlas").meta.encoder
    clusters = Clusters.load(WRITTEN / "atlas" / "clusters" / "fitted.safetensors")
    assert clusters.fingerprint() == "9374a6c1e9edef77"  # pragma: allowlist secret
