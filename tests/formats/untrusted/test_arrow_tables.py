import gzip
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from ssl_behavior.formats.untrusted.arrow_tables import matrix, opened_natively

_FLOATS = pa.schema([("x", pa.float32()), ("y", pa.float32())])


def test_columns_of_several_blocks_with_missing_numbers():
    first, second = (pa.table({"x": x, "y": [3.0, 4.0]}).cast(_FLOATS) for x in ([1.0, None], [2.0, 5.0]))
    found = matrix(pa.concat_tables([first, second]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1, 3], [np.nan, 4], [2, 3], [5, 4]])


def test_whole_numbers_stay_so_and_none_may_be_missing():
    assert matrix(pa.table({"frame": [2, 3]})).tolist() == [[2], [3]]
    assert matrix(pa.table({"frame": pa.array([], pa.int64())})).shape == (0, 1)
    with pytest.raises(pa.ArrowTypeError):
        matrix(pa.table({"frame": [2, None]}))


def test_arrow_holds_no_object_of_python_while_it_reads(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x,y\n1,2\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n"))
    for name in ("a.csv", "a.csv.gz"):
        with opened_natively(tmp_path / name) as file:
            assert not isinstance(file, pa.PythonFile)
            assert file.read() == b"x,y\n1,2\n"


def test_reading_a_table_does_not_load_pandas(tmp_path):
    (tmp_path / "a.csv").write_text("scorer,s,s\nbodyparts,nose,nose\ncoords,x,y\n0,1.5,2\n1,,\n")
    code = f"""
import sys
from ssl_behavior.formats import read_recordings
read_recordings({str(tmp_path / "a.csv")!r})
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse\n")
