"""A TFLite model in, the same model without the bytes that no interpreter needs out.

Names of inner tensors, converter metadata, empty buffers and repeated vectors (an int8 tensor
carries eight bytes of zero point for each scale) are a tenth of a small int8 file.
"""

from __future__ import annotations

from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
WEIGHT_ALIGNMENT = 16
"""Buffers are `force_align: 16` in TFLite's schema; its Python code does not see to it."""


def slim(content: bytes) -> bytes:
    """Return the model in as few bytes as its weights and operators allow."""
    model = schema.ModelT.InitFromPackedBuf(content)
    model.description = None
    model.metadata = None
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = None
            tensor.shapeSignature = None
            scale = None if tensor.quantization is None else tensor.quantization.scale
            if scale is None or len(scale) == 0:
                tensor.quantization = None
    _share_buffers(model)
    builder = _SharingBuilder()
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _share_buffers(model: Any) -> None:
    """Keep one buffer per distinct content; the first stays empty, as the format demands."""
    old = model.buffers
    model.buffers = [schema.BufferT()]
    places: dict[bytes, int] = {b"": 0}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = old[tensor.buffer].data
            content = b"" if data is None else bytes(data)
            if content not in places:
                places[content] = len(model.buffers)
                kept = schema.BufferT()
                kept.data = np.frombuffer(content, dtype=np.uint8)
                model.buffers.append(kept)
            tensor.buffer = places[content]


class _SharingBuilder(flatbuffers.Builder):
    """Writes each distinct vector once, and weights where the schema wants them aligned."""

    def __init__(self) -> None:
        super().__init__(1 << 16)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: N802
        """Return where the vector lies, now or already."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            if x.dtype == np.uint8:
                self._written[key] = self._aligned(key[1])
            else:
                self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]

    def _aligned(self, content: bytes) -> int:
        self.StartVector(1, len(content), WEIGHT_ALIGNMENT)
        self.head = self.Head() - len(content)
        self.Bytes[self.Head() : self.Head() + len(content)] = content
        return int(self.EndVector())
