"""netCDF of the formats before HDF5: the library of netCDF would fill in what a file declares and lacks."""

from pathlib import Path

import pytest
import scipy.io

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.formats.untrusted import limits
from ssl_behavior.formats.untrusted.netcdf import require_whole


def _file(path: Path, length: int = 50) -> Path:
    with scipy.io.netcdf_file(path, "w") as file:
        file.createDimension("time", length)
        file.createVariable("time", "d", ("time",))[:] = range(length)
    return path


def test_a_whole_file_passes(tmp_path: Path) -> None:
    require_whole(_file(tmp_path / "a.nc"))


def test_a_head_that_declares_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.nc", 12_345)
    content = path.read_bytes()
    path.write_bytes(content.replace((12_345).to_bytes(4, "big"), (10**8).to_bytes(4, "big"), 1))
    with pytest.raises(InputError, match=r"a\.nc: expected a complete netCDF file.*to_netcdf"):
        require_whole(path)
    with pytest.raises(InputError, match=r"a\.nc: .*(complete netCDF|needs movement)"):
        read_recordings(path)


def test_variables_that_share_the_same_numbers_are_counted_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path / "a.nc", 10_000)
    monkeypatch.setattr(limits, "LEAST", 1 << 10)
    monkeypatch.setattr(limits, "RATIO", 0.5)  # as if twice as many variables were where this one is
    with pytest.raises(InputError, match="more than the file can hold"):
        require_whole(path)


@pytest.mark.parametrize("content", [b"", b"CDF\x05" + bytes(40), b"CDF\x01", b"CDF\x01" + b"\xff" * 40, b"x" * 100])
def test_other_files_are_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.nc: expected a complete netCDF file"):
        require_whole(path)
