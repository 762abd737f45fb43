"""Names and bytes in, a zip out that is the same whenever and wherever it is written."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can hold."""
UNIX = 3
READABLE_FILE = 0o100644 << 16


def write_zip(target: BinaryIO, members: Mapping[str, bytes]) -> None:
    """Append a zip with `members`, sorted by name and compressed, to an open file."""
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = READABLE_FILE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, members[name], compresslevel=9)


def npz(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Return the arrays as numpy's .npz, without the dates that `numpy.savez` may put in."""
    members = {}
    for name, values in arrays.items():
        stored = io.BytesIO()
        np.lib.format.write_array(stored, np.ascontiguousarray(values), allow_pickle=False)
        members[f"{name}.npy"] = stored.getvalue()
    whole = io.BytesIO()
    write_zip(whole, members)
    return whole.getvalue()
