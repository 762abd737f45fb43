import io
import zipfile

import numpy as np

from exporters.archive import npz, write_zip


def test_zip_does_not_know_when_or_in_which_order_it_was_written() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    write_zip(one, {"b": b"2", "a": b"1"})
    write_zip(other, {"a": b"1", "b": b"2"})
    assert one.getvalue() == other.getvalue()
    with zipfile.ZipFile(one) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert archive.read("b") == b"2"


def test_npz_is_read_by_numpy_without_pickles() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3).T
    loaded = np.load(io.BytesIO(npz({"x": values})), allow_pickle=False)
    np.testing.assert_array_equal(loaded["x"], values)
