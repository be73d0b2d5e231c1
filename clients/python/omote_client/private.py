"""Messages that only this client reads, in a descriptor pool of their own.

Field numbers are those of the original messages, names are ours: a process that also imports
the originals sees no clash, and this client needs no package for them.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message

_PACKAGE = "omote_client.private"
_POOL = descriptor_pool.DescriptorPool()
_KINDS = {
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}


def private_message(name: str, **fields: tuple[int, str]) -> type[Message]:
    """Defines a message class; each field is its number and its kind.

    A kind is a scalar's name or the name of a private message; a leading "*" makes it repeated.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=_PACKAGE)
    file.syntax = "proto3"
    message = file.message_type.add(name=name)
    for field, (position, kind) in fields.items():
        _add_field(file, message, field, position, kind)
    _POOL.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _add_field(
    file: descriptor_pb2.FileDescriptorProto,
    message: descriptor_pb2.DescriptorProto,
    name: str,
    position: int,
    kind: str,
) -> None:
    scalar = kind.removeprefix("*")
    repeated = kind != scalar
    field = message.field.add(name=name, number=position)
    field.label = (
        FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    )
    if scalar in _KINDS:
        field.type = _KINDS[scalar]
        return
    field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{scalar}"
    file.dependency.append(f"{scalar}.proto")
