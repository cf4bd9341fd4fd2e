"""The journal's records: one request each, with what must be remembered beside it.

A record is ``varint(length)`` and a message: the bytes of an ``ExportTraceServiceRequest``, or of an
``ExportLogsServiceRequest``, as they came, then the fields below, in this order. Protobuf readers
skip fields that they do not know, so the message is still a valid request, and a file of records a
valid input of ClickHouse's format ``Protobuf``.

====  =======  ==============================================================
2002  string   project, "" when each resource names its own
2001  fixed64  time of receipt, nanoseconds since 1970
2004  fixed32  length of the request's own bytes, with which the message begins
2003  fixed32  crc32 of all bytes of the message before this field
====  =======  ==============================================================
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_VARINT_MORE = 0x80
_MAX_VARINT_BYTES = 10


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= _VARINT_MORE:
        parts.append(value & 0x7F | _VARINT_MORE)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_PROJECT_TAG = _varint(2002 << 3 | 2)
_RECEIVED_TAG = _varint(2001 << 3 | 1)
_BODY_LENGTH_TAG = _varint(2004 << 3 | 5)
_CRC_TAG = _varint(2003 << 3 | 5)
_FIXED_END = struct.Struct("<2sQ2sI2sI")  # the last three fields, tags included


class Record(NamedTuple):
    """One journalled request."""

    body: bytes
    received_unix_nano: int
    project: str


class DamagedRecordError(ValueError):
    """Bytes that are no whole record: the tail of a segment whose writer died."""


def encoded(record: Record) -> bytes:
    """A record, ready to be appended."""
    name = record.project.encode()
    begin = b"".join((record.body, _PROJECT_TAG, _varint(len(name)), name))
    end = _FIXED_END.pack(
        _RECEIVED_TAG, record.received_unix_nano, _BODY_LENGTH_TAG, len(record.body), _CRC_TAG, 0
    )
    crc = zlib.crc32(end[:-6], zlib.crc32(begin))
    length = _varint(len(begin) + len(end))
    return b"".join((length, begin, end[:-4], struct.pack("<I", crc)))


def decoded(segment: bytes) -> Iterator[Record]:
    """The records of a segment, in order.

    Raises:
        DamagedRecordError: at the first bytes that are no whole record.
    """
    position = 0
    while position < len(segment):
        position, record = _next(segment, position)
        yield record


def intact_length(segment: bytes) -> int:
    """How many bytes from the start are whole records; what follows was never acknowledged."""
    position = 0
    try:
        while position < len(segment):
            position, _ = _next(segment, position)
    except DamagedRecordError:
        pass
    return position


def _next(segment: bytes, position: int) -> tuple[int, Record]:
    length, start = _read_varint(segment, position)
    end = start + length
    if length < _FIXED_END.size or end > len(segment):
        raise DamagedRecordError(f"the record at byte {position} is cut short")
    fixed = _FIXED_END.unpack_from(segment, end - _FIXED_END.size)
    received_tag, received, body_length_tag, body_length, crc_tag, crc = fixed
    if (received_tag, body_length_tag, crc_tag) != (_RECEIVED_TAG, _BODY_LENGTH_TAG, _CRC_TAG):
        raise DamagedRecordError(f"the record at byte {position} has no end")
    if zlib.crc32(memoryview(segment)[start : end - 6]) != crc:
        raise DamagedRecordError(f"the record at byte {position} fails its checksum")
    _, name_start = _read_varint(segment, start + body_length + len(_PROJECT_TAG))
    project = segment[name_start : end - _FIXED_END.size].decode()
    return end, Record(segment[start : start + body_length], received, project)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for offset in range(min(_MAX_VARINT_BYTES, len(data) - position)):
        byte = data[position + offset]
        value |= (byte & 0x7F) << (7 * offset)
        if byte < _VARINT_MORE:
            return value, position + offset + 1
    raise DamagedRecordError(f"the length at byte {position} is cut short")
