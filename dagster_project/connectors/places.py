"""Files at a place: a local folder or anything fsspec reaches."""

from __future__ import annotations

import bz2
import codecs
import glob as globbing
import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import pyarrow as pa

from dagster_project.connectors.problems import SourceError, Words, one_line, without_secrets
from dagster_project.connectors.secrets import read_secrets
from dagster_project.connectors.source_models import PlacedSource

BLOCK_BYTES = 4 * 1024 * 1024
PIECE_BYTES = 64 * 1024
READ_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class FileVersion:
    """One file as it is now. ``path`` is relative to the location; ``modified_at`` naive UTC."""

    path: str
    size: int
    modified_at: datetime
    full_path: str
    file_system: Any

    def open(self) -> IO[bytes]:
        """The bytes, decompressed where the content (not the name) says so."""
        raw = self.file_system.open(self.full_path, "rb")
        magic = raw.read(6)
        raw.seek(0)
        if magic.startswith(b"\x1f\x8b"):
            return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        if magic.startswith(b"BZh"):
            return bz2.BZ2File(raw)
        if magic.startswith(b"\xfd7zXZ\x00"):
            return lzma.LZMAFile(raw)
        if magic.startswith(b"\x28\xb5\x2f\xfd"):
            return cast(IO[bytes], _ZstdFile(raw))
        return raw

    @property
    def is_compressed(self) -> bool:
        with self.open() as stream:
            return is_decompressing(stream)


def is_decompressing(stream: IO[bytes]) -> bool:
    """Whether a stream of :meth:`FileVersion.open` is one of an archive."""
    return isinstance(stream, gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile | _ZstdFile)


class _ZstdFile(io.RawIOBase):
    """A Zstandard file, read as the other archives are: also from a place that was passed."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self._rewind()

    def _rewind(self) -> None:
        self._raw.seek(0)
        self._stream = pa.CompressedInputStream(pa.PythonFile(self._raw, mode="r"), "zstd")
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(None if size is None or size < 0 else size)
        self._place += len(data)
        return bytes(data)

    def read1(self, size: int = -1, /) -> bytes:
        """At most a little at once, so that an error loses no more than that."""
        return self.read(PIECE_BYTES if size < 0 else min(size, PIECE_BYTES))

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the beginning")
        if offset < self._place:
            self._rewind()
        while self._place < offset and self.read1(offset - self._place):
            pass
        return self._place

    def close(self) -> None:
        self._raw.close()
        super().close()


def list_files(source: PlacedSource, glob: str) -> list[FileVersion]:
    """Files of ``source`` that fit ``glob``, the oldest first.

    Raises:
        SourceError: a secret is not there, the location cannot be reached, or no file fits.
    """
    secrets = read_secrets(source, "options")
    place = without_secrets(source.location)
    try:
        system, root = fsspec.core.url_to_fs(source.location, **source.options, **secrets)
        system.invalidate_cache()
        root = root.rstrip("/")
        if not system.isdir(root):
            raise SourceError(
                Words(
                    f"{source.system}: there is no folder {place}.",
                    f"{source.system}：文件夹 {place} 不存在。",
                ),
                Words(
                    "Correct `location` in the sources file, or make the folder.",
                    "请更正源文件中的 location，或创建该文件夹。",
                ),
            )
        found = system.glob(f"{globbing.escape(root)}/{glob}", detail=True)
        files = [
            FileVersion(
                path=str(name)[len(root) + 1 :],
                size=int(info["size"]),
                modified_at=_modified_at(system, str(name), info),
                full_path=str(name),
                file_system=system,
            )
            for name, info in found.items()
            if info.get("type") == "file"
        ]
    except (SourceError, NotImplementedError):
        raise
    except Exception as error:
        # Every fsspec implementation has errors of its own; all mean: place not readable.
        text = without_secrets(one_line(error), secrets.values())
        raise SourceError(
            Words(
                f"{source.system}: {place} cannot be read: {text}",
                f"{source.system}：无法读取 {place}：{text}",
            ),
            Words(
                "Check `location` and the keys that begin with `options` in the sources file.",
                "请检查源文件中的 location 以及以 options 开头的键。",
            ),
            is_transient=isinstance(error, OSError),
        ) from error
    if not files:
        raise SourceError(
            Words(
                f"{source.system}: no file in {place} fits {glob}.",
                f"{source.system}：{place} 中没有符合 {glob} 的文件。",
            ),
            Words(
                "Put the file there, or correct `glob` or `location` in the sources file.",
                "请放入文件，或更正源文件中的 glob 或 location。",
            ),
            changes=[{"change": "table_gone", "from": glob}],
        )
    return sorted(files, key=lambda file: (file.modified_at, file.path))


def _modified_at(system: Any, name: str, info: dict[str, Any]) -> datetime:
    for key in ("mtime", "LastModified", "last_modified", "modified"):
        value = info.get(key)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(tzinfo=None)
    try:
        value = system.modified(name)
    except NotImplementedError:
        return datetime(1970, 1, 1)  # noqa: DTZ001 - the place keeps no times
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def cannot_read(file: FileVersion, error: BaseException) -> SourceError:
    """The problem of a file whose bytes cannot be read (truncated archive, rights, network)."""
    return SourceError(
        Words(
            f"{file.path}: cannot be read: {one_line(error)}",
            f"{file.path}：无法读取：{one_line(error)}",
        ),
        Words(
            "Check that the file is complete and may be read; it is tried again at the next load.",
            "请检查文件是否完整、可读；下次加载会重试。",
        ),
        is_transient=True,
    )


def check_encoding(encoding: str, where: str) -> str:
    """Normal name of a text encoding.

    Raises:
        SourceError: Python knows no such encoding.
    """
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError as error:
        raise SourceError(
            Words(
                f'{where}: unknown encoding "{encoding}".',
                f"{where}：未知编码“{encoding}”。",
            ),
            Words(
                'Write for example "utf-8", "gb18030", "latin-1" or "utf-16" as `encoding`.',
                "请将 encoding 写为 utf-8、gb18030、latin-1 或 utf-16 等。",
            ),
        ) from error
    return name


@dataclass(frozen=True)
class LocalCopy:
    """A file's content on local disk. Text is UTF-8 with ``\\n``; bytes that its encoding does
    not know stand there as they were, so that they are invalid UTF-8 and found as such."""

    path: Path
    digest: str
    count_lines: int


def copy_bytes(file: FileVersion, target: Path) -> LocalCopy:
    """Copy a file as it is, decompressed."""
    digest = hashlib.sha256()
    with file.open() as stream, target.open("wb") as out:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            out.write(block)
    return LocalCopy(target, digest.hexdigest(), 0)


def copy_text(file: FileVersion, encoding: str, target: Path) -> LocalCopy:
    """Copy a text file, brought to UTF-8 and ``\\n`` in blocks."""
    digest = hashlib.sha256()
    count_lines = 0
    last = b"\n"
    with file.open() as stream, target.open("wb") as out:
        for block in _utf8_blocks(stream, encoding, digest):
            count_lines += block.count(b"\n")
            last = block[-1:]
            out.write(block)
    return LocalCopy(target, digest.hexdigest(), count_lines + (last != b"\n"))


def _utf8_blocks(stream: IO[bytes], encoding: str, digest: Any) -> Iterator[bytes]:
    decoder = None
    if encoding not in ("utf-8", "utf-8-sig", "ascii"):
        decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    is_first, carry = True, b""
    while True:
        block = stream.read(BLOCK_BYTES)
        digest.update(block)
        is_last = not block
        if decoder:
            block = decoder.decode(block, is_last).encode("utf-8", "surrogateescape")
        block = carry + block
        carry = b""
        if is_first and len(block) >= 3:
            block, is_first = block.removeprefix(codecs.BOM_UTF8), False
        if block.endswith(b"\r") and not is_last:
            block, carry = block[:-1], b"\r"
        if block:
            yield block.replace(b"\r\n", b"\n")
        if is_last:
            return


def text_lines(path: Path) -> Iterator[str]:
    """Lines of a local copy without their ends; invalid bytes as lone surrogates."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        for line in stream:
            yield line.removesuffix("\n")


def has_invalid_bytes(text: str) -> bool:
    """True where :func:`text_lines` met bytes that are no text of the encoding."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def visible(text: str) -> str:
    """``text`` with invalid bytes written as ``\\xNN``, fit to be stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
