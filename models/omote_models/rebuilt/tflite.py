"""TFLite networks with the metadata that MediaPipe's tasks ask for."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np

from omote_models.tasks import metadata, schema


def segmenter(parts: Sequence[bytes]) -> bytes:
    """A segmentation network as MediaPipe's tasks want it: with metadata that say how to feed it.

    The network stays as it is. It takes RGB from 0 to 1 and gives one probability a pixel.
    """
    (part,) = parts
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(part, 0))
    normalisation = metadata.NormalizationOptionsT()
    normalisation.mean, normalisation.std = [0.0], [255.0]
    step = metadata.ProcessUnitT()
    step.optionsType = metadata.ProcessUnitOptions.NormalizationOptions
    step.options = normalisation
    colours = metadata.ImagePropertiesT()
    colours.colorSpace = metadata.ColorSpaceType.RGB
    content = metadata.ContentT()
    content.contentPropertiesType = metadata.ContentProperties.ImageProperties
    content.contentProperties = colours
    picture, person = metadata.TensorMetadataT(), metadata.TensorMetadataT()
    picture.name, picture.processUnits, picture.content = "picture", [step], content
    person.name = "person"
    graph = metadata.SubGraphMetadataT()
    graph.inputTensorMetadata, graph.outputTensorMetadata = [picture], [person]
    described = metadata.ModelMetadataT()
    described.name, described.subgraphMetadata = "omote", [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(described.Pack(builder), b"M001")
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(bytes(builder.Output()), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(part) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
