"""ClickHouse's own compressed blocks, which its native clients and ``compress=1`` use.

A block is a checksum (CityHash128 of version 1.0.2, 16 bytes), a method (one byte), the block's compressed size with
these nine bytes and its plain size (4 bytes each), then the data.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable, Iterator

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from appanalytics.server.problems import Problem

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEAD = struct.Struct("<BII")
_SUM = 16
_PLAIN, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_PIECE = 1 << 20
#: The largest block that is taken; clients make blocks of 1 MiB.
_LARGEST = 64 << 20


class BlockCompressor:
    """A stream of blocks; see `Compressor`."""

    def compress(self, data: bytes) -> bytes:
        """Blocks of at most a MiB of plain data each."""
        return b"".join(_block(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))

    def finish(self) -> bytes:
        """Blocks have no end."""
        return b""


def _block(data: bytes) -> bytes:
    packed: bytes = lz4.block.compress(data, store_size=False)
    body: bytes = _HEAD.pack(_LZ4, len(packed) + _HEAD.size, len(data)) + packed
    return _checksum(body) + body


def _checksum(body: bytes) -> bytes:
    high, low = divmod(CityHash128(body), 1 << 64)
    return struct.pack("<QQ", high, low)


def unblocked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes of blocks (LZ4, ZSTD, stored) that arrive in any pieces.

    Raises `Problem`: 40 for a wrong checksum, 89 for an unknown method, 354 for what cannot be unpacked.
    """
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= _SUM + _HEAD.size:
            method, size, plain = _HEAD.unpack_from(held, _SUM)
            if not _HEAD.size <= size <= _LARGEST or plain > _LARGEST:
                raise _broken(f"a block of {size} bytes, {plain} unpacked")
            if len(held) < _SUM + size:
                break
            body = bytes(held[_SUM : _SUM + size])
            if _checksum(body) != held[:_SUM]:
                raise Problem(40, "Checksum doesn't match: corrupted data", "CHECKSUM_DOESNT_MATCH", status=400)
            del held[: _SUM + size]
            yield _unpacked(method, body[_HEAD.size :], plain)
    if held:
        raise _broken("the body ends in the middle of a block")


def _unpacked(method: int, packed: bytes, plain: int) -> bytes:
    try:
        if method == _LZ4:
            data = bytes(lz4.block.decompress(packed, uncompressed_size=plain))
        elif method == _ZSTD:
            data = bytes(zstd.ZstdDecompressor().decompress(packed, plain + 1))
        elif method == _PLAIN:
            data = packed
        else:
            raise Problem(89, f"Unknown compression method {method}", "UNKNOWN_COMPRESSION_METHOD", status=400)
    except (lz4.block.LZ4BlockError, zstd.ZstdError, ValueError, MemoryError) as error:
        raise _broken(str(error)) from None
    if len(data) != plain:
        raise _broken("its size is not what the block says")
    return data


def _broken(what: str) -> Problem:
    return Problem(354, f"cannot decompress the body (blocks): {what}", "CANNOT_DECOMPRESS")
