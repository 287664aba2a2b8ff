"""Bodies both ways: any cut, several frames, broken ends, bombs."""

from __future__ import annotations

import gzip
import zlib
from functools import partial

import brotli
import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.server.compression import ENCODINGS, chosen, compressor, decompressed, zstd
from appanalytics.server.problems import Problem

#: The libraries' own one-call functions, to check streams against.
PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=1),
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
}
UNPACKED = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
    "lz4": lz4.frame.decompress,
}


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.integers(1, 999))
def test_frames_one_after_another_cut_anywhere(encoding: str, parts: list[bytes], size: int) -> None:
    frames = parts if encoding != "br" else [b"".join(parts)]  # brotli has no concatenation
    packed = b"".join(PACKED[encoding](part) for part in frames)
    assert b"".join(decompressed(cut(packed, size), encoding)) == b"".join(parts)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_stream_is_readable_by_the_library(encoding: str) -> None:
    parts = [b"a" * 100, b"", b"b" * 70_000]
    stream = compressor(encoding)
    assert UNPACKED[encoding](b"".join(stream.compress(part) for part in parts) + stream.finish()) == b"".join(parts)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bomb_comes_in_small_pieces(encoding: str) -> None:
    total = 0
    for piece in decompressed(iter([PACKED[encoding](bytes(16 << 20))]), encoding):
        assert len(piece) <= 9 << 20
        total += len(piece)
    assert total == 16 << 20


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bodies_longer_than_a_piece(encoding: str) -> None:
    data = b"".join(str(number).encode() for number in range(600_000))
    for size in (1 << 20, 1000):
        assert b"".join(decompressed(cut(PACKED[encoding](data), size), encoding)) == data


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_cannot_be_decompressed(encoding: str) -> None:
    packed = PACKED[encoding](b"some text that is long enough to be cut" * 20)
    for broken in (packed[:-5], b"\x00garbage" + packed, b"garbage"):
        with pytest.raises(Problem) as caught:
            b"".join(decompressed([broken], encoding))
        assert caught.value.code == 354
    assert b"".join(decompressed([], encoding)) == b"" if encoding != "br" else True


def test_an_unknown_encoding() -> None:
    with pytest.raises(Problem) as caught:
        list(decompressed([b""], "rot13"))
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("", ""), ("gzip", "gzip"), ("gzip, zstd;q=0, br", "br"), ("identity", ""), ("GZIP;q=0.5", "gzip"), ("*", "")],
)
def test_the_choice(accepted: str, encoding: str) -> None:
    assert chosen(accepted) == encoding
