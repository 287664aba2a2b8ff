"""Open a file by what is in it: gzipped or not, with errors of one line."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from appanalytics.errors import FileError
from appanalytics.progress import Progress

_GZIP = b"\x1f\x8b"
_BLOCK = 4 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Content:
    """A file's decompressed bytes, read from the start; ``position`` counts the bytes read on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._disk = _open(path)
        self.size = path.stat().st_size
        magic = self._disk.read(2)
        self._disk.seek(0)
        if magic != _GZIP and path.suffix.lower() == ".gz" and self.size:
            self._disk.close()
            raise FileError(f"{path} is not gzipped, though its name ends in .gz")
        self.gzipped = magic == _GZIP
        self._stream = cast("IO[bytes]", gzip.GzipFile(fileobj=self._disk)) if self.gzipped else self._disk

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer only at the end. A broken archive is a `FileError`."""
        try:
            return self._stream.read(size)
        except (EOFError, zlib.error, OSError) as error:
            what = (
                "ends in the middle of its gzip data" if isinstance(error, EOFError) else f"cannot be read: {error}"
            )
            raise FileError(f"{self.path} {what}", hint="copy or download it again") from None

    @property
    def position(self) -> int:
        """Bytes of the file on disk that were consumed."""
        return self._disk.tell()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._disk.close()

    def __enter__(self) -> Content:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def digest(path: Path, progress: Progress) -> str:
    """SHA-256 of the decompressed content: the same for a file and its gzipped copy."""
    sha = hashlib.sha256()
    with Content(path) as content:
        while block := content.read(_BLOCK):
            sha.update(block)
            progress(f"checking {path.name}", content.position, content.size, "B")
    return sha.hexdigest()


def head(path: Path, size: int) -> bytes:
    """The first bytes of the decompressed content, without a byte order mark and without empty lines before them."""
    with Content(path) as content:
        data = content.read(size)
    if data[:2] in _UTF16:
        raise FileError(f"{path} is UTF-16 text", hint="save it as UTF-8")
    return data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")


@contextmanager
def seekable(path: Path) -> Iterator[Path]:
    """The file itself, or a decompressed copy that lives as long as the block."""
    with Content(path) as content:
        if not content.gzipped:
            yield path
            return
        with tempfile.NamedTemporaryFile(prefix="appanalytics-load-") as copy:
            while block := content.read(_BLOCK):
                copy.write(block)
            copy.flush()
            yield Path(copy.name)


def _open(path: Path) -> IO[bytes]:
    if path.is_dir():
        raise FileError(f"{path} is a folder, not a file")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from None
