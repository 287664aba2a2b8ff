"""ClickHouse's compressed blocks: every method that clients use, and what is wrong with broken ones."""

from __future__ import annotations

import struct

import lz4.block
import pytest

from appanalytics.server.blocks import BlockCompressor, _checksum, unblocked, zstd
from appanalytics.server.problems import Problem

DATA = b"what a client sends " * 50


def block(method: int, packed: bytes, plain: int = len(DATA)) -> bytes:
    body = struct.pack("<BII", method, len(packed) + 9, plain) + packed
    return _checksum(body) + body


@pytest.mark.parametrize(
    ("method", "packed"),
    [(0x82, lz4.block.compress(DATA, store_size=False)), (0x90, zstd.compress(DATA)), (0x02, DATA)],
)
def test_every_method_in_pieces_of_any_size(method: int, packed: bytes) -> None:
    whole = block(method, packed) * 2
    for size in (1, 7, len(whole)):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert b"".join(unblocked(pieces)) == DATA * 2


def test_what_we_write_is_read_again() -> None:
    data = bytes(range(256)) * 9000  # more than one block
    assert b"".join(unblocked([BlockCompressor().compress(data)])) == data


@pytest.mark.parametrize(
    ("bytes_", "code", "said"),
    [
        (block(0x55, DATA), 89, "Unknown compression method 85"),
        (block(0x02, DATA, plain=7), 354, "its size is not what the block says"),
        (block(0x90, b"no frame of zstd"), 354, "cannot decompress"),
        (block(0x82, b"\xff" * 9), 354, "cannot decompress"),
        (block(0x02, DATA)[:-1], 354, "ends in the middle of a block"),
        (b"\0" * 16 + block(0x02, DATA)[16:], 40, "Checksum doesn't match"),
        (block(0x02, DATA, plain=1 << 30), 354, "1073741824 unpacked"),
    ],
)
def test_broken_blocks_say_what_is_wrong(bytes_: bytes, code: int, said: str) -> None:
    with pytest.raises(Problem) as told:
        list(unblocked([bytes_]))
    assert told.value.code == code
    assert said in told.value.message
