"""Which files: paths, directories, what is in a ZIP archive, standard input and other pipes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, cast

from cryptoctl.errors import InputError
from cryptoctl.files.column_names import columns_like
from cryptoctl.files.compression import (
    HEAD_BYTES,
    SPREADSHEETS,
    ZIP,
    decompress,
    seekable,
    translate_errors,
)
from cryptoctl.files.pipes import (
    MAX_LINE_END_BYTES,
    QUIET_S,
    WHOLE,
    LivePipe,
    first_lines,
    with_head,
    with_magic,
)
from cryptoctl.files.records import FileOptions, listing, shell_word

STANDARD_INPUT = Path("-")
_FORMATS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow")
ENDINGS = frozenset((*_FORMATS, ".zip", ".gz", ".bz2", ".xz", ".zst"))


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A file as it was, and of the beginning of its content how many bytes and their SHA-256."""

    stat: os.stat_result
    head_bytes: int
    head_digest: bytes


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file that can be opened from its beginning, again and again; a stream, once."""

    name: str
    open_raw: Callable[[], BinaryIO]
    path: Path | None = None
    disk: Path | None = None
    """The file that it is, or is in; None for what was copied, or comes through a pipe."""
    live: LivePipe | None = None
    """Of a stream, what it comes through."""
    last_bytes: Callable[[], bytes] = bytes
    """Of a stream that is not compressed, those before its end, once that has come."""

    @property
    def stream(self) -> bool:
        """Whether it is sent as it comes."""
        return self.live is not None

    def open(self) -> io.BufferedReader:
        """Its bytes, decompressed."""
        with translate_errors(self.name):
            return decompress(self.open_raw(), self.name)

    def snapshot(self) -> Snapshot | None:
        """By which it can be told that somebody has changed it; None where nobody can."""
        if self.disk is None:
            return None
        with translate_errors(self.name):
            stat = self.disk.stat()
        head = self.head()
        return Snapshot(stat=stat, head_bytes=len(head), head_digest=hashlib.sha256(head).digest())

    def changed_since(self, snapshot: Snapshot | None) -> bool:
        """Whether it is not as it was then; it may have grown at its end, as what is recorded does."""
        if snapshot is None or self.disk is None:
            return False
        if not self.disk.exists():
            return True
        with translate_errors(self.name):
            now = self.disk.stat()
        if not os.path.samestat(now, snapshot.stat) or now.st_size < snapshot.stat.st_size:
            return True
        if now.st_size == snapshot.stat.st_size:
            return now.st_mtime_ns != snapshot.stat.st_mtime_ns
        return hashlib.sha256(self.head()[: snapshot.head_bytes]).digest() != snapshot.head_digest

    def breaks_off(self) -> bool:
        """Whether its last line has no line end; False where it would have to be read through to know."""
        if self.stream:
            return _without_line_end(self.last_bytes())
        with self.open() as stream, translate_errors(self.name):
            if not isinstance(stream.raw, io.FileIO):  # what is compressed tells by itself where it ends
                return False
            stream.seek(max(0, stream.seek(0, io.SEEK_END) - MAX_LINE_END_BYTES))
            return _without_line_end(stream.read())

    def head(self) -> bytes:
        """Its first bytes; of a stream, whole lines of them."""
        with translate_errors(self.name):
            stream = self.open()
            if self.stream:
                return stream.peek(HEAD_BYTES)
            with stream:
                return stream.read(HEAD_BYTES)


def _without_line_end(last: bytes) -> bool:
    return bool(last) and {*b"\r\n"}.isdisjoint(last)


def sources(
    paths: Sequence[Path], options: FileOptions, notify: Callable[[str], None]
) -> tuple[Sequence[Source], Sequence[str]]:
    """The files behind the paths, in order, and the names of those that are passed over.

    `notify` is told what a pipe that gives nothing is waited for. Raises Failure where there is no file, or
    one cannot be read.
    """
    files: list[Source] = []
    passed_over: list[str] = []
    for path in paths:
        with translate_errors(str(path)):
            if path == STANDARD_INPUT:
                if sys.stdin is None:
                    raise InputError(
                        "Standard input is closed.", "Name a file, or pipe the prices into the command."
                    )
                stream = LivePipe(sys.stdin.buffer, closing=False)
                files += _pipe(stream, "standard input", options, notify, passed_over)
            elif path.is_dir():
                # A link to a directory is not followed: it may lead back.
                entries = sorted(
                    entry for entry in path.rglob("*") if entry.is_symlink() or not entry.is_dir()
                )
                _refuse_partitions(path, [entry.relative_to(path) for entry in entries], options)
                for file in entries:
                    if _is_usual(file.relative_to(path)) and file.is_file():
                        files += _sources_of(file, str(file), passed_over)
                    else:
                        passed_over.append(str(file))
            elif path.exists() and (not path.is_file() or _is_descriptor(path)):
                pipe = LivePipe(path.open("rb"), closing=True)
                files += _pipe(pipe, str(path), options, notify, passed_over)
            else:
                if not path.exists():
                    _refuse_url(path)
                files += _sources_of(path, path.name if len(paths) == 1 else str(path), passed_over)
    if files:
        return files, passed_over
    raise InputError(
        f"There is no file of prices in {', '.join(map(str, paths))}.",
        f"Files with one of these endings are read: {' '.join(sorted(ENDINGS))}.",
    )


def _refuse_partitions(path: Path, files: Iterable[Path], options: FileOptions) -> None:
    """Refuses one symbol, or exchange, for a directory whose directories name several."""
    parts = {parent.name: path / parent for file in files for parent in file.parents if "=" in parent.name}
    for field in ("symbol", "exchange"):
        names = [name for name in parts if columns_like(field, [name.partition("=")[0]])]
        if len(names) > 1 and getattr(options, field) is not None:  # else the files have to say it
            raise InputError(
                f"The names of the directories in {path} say which {field} is in them, and are not read: "
                f"{listing(names)}.",
                f"Send each for itself, such as --file {shell_word(str(parts[names[0]]))} --{field} "
                f"{shell_word(names[0].partition('=')[2])}.",
            )


def _refuse_url(path: Path) -> None:
    scheme = re.match(r"([a-z0-9]+):/", str(path))
    if scheme is not None:
        raise InputError(
            f"--file takes files of this machine, and no {scheme[1]} address.",
            "Download it first, or pipe it into the command with --file -.",
        )


def _is_usual(path: PurePath) -> bool:
    """Whether what stands there in a directory or an archive is no hidden file, and has a usual ending."""
    return not any(part.startswith(".") for part in path.parts) and path.suffix.lower() in ENDINGS


def _is_descriptor(path: Path) -> bool:
    """Whether the path is that of an open file, which some systems open where it was read to."""
    return path == Path("/dev/stdin") or path.is_relative_to("/dev/fd")


def _sources_of(path: Path, name: str, passed_over: list[str]) -> Iterator[Source]:
    with translate_errors(str(path)):
        with path.open("rb") as file:
            zipped = file.read(4) == ZIP
        if zipped:
            yield from _members(name, partial(zipfile.ZipFile, path), passed_over, path)
        else:
            yield Source(name=name, open_raw=lambda: path.open("rb"), path=path, disk=path)


def _members(
    name: str, opened: Callable[[], zipfile.ZipFile], passed_over: list[str], disk: Path | None = None
) -> Iterator[Source]:
    with opened() as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    members = [member for member in members if "__MACOSX/" not in member.filename]
    if sheet := next(filter(None, (SPREADSHEETS.get(member.filename) for member in members)), None):
        raise InputError(f"{name} is {sheet}.", "Save the sheet as CSV UTF-8.")
    if any(member.flag_bits & 1 for member in members):
        raise InputError(f"{name} is encrypted.", "Unpack it and send what is in it.")

    def open_member(member: zipfile.ZipInfo) -> BinaryIO:
        with opened() as archive:  # whose file stays open until the member is closed
            return cast("BinaryIO", archive.open(member))

    usual = [member for member in members if _is_usual(PurePosixPath(member.filename))] or members
    ids = {*map(id, usual)}  # two may have one name, and an archive has thousands
    passed_over += [f"{name}/{member.filename}" for member in members if id(member) not in ids]
    for member in sorted(usual, key=lambda member: member.filename):
        yield Source(
            name=name if len(members) == 1 else f"{name}/{member.filename}",
            open_raw=partial(open_member, member),
            disk=disk,
        )


def _pipe(
    live: LivePipe,
    name: str,
    options: FileOptions,
    notify: Callable[[str], None],
    passed_over: list[str],
) -> Iterator[Source]:
    """What comes through a pipe: as it comes, or copied to a file without a name, which can be read twice."""
    with translate_errors(name):
        live.notify_once_when_quiet(notify, f"Waiting for the first prices from {name}.")
        pipe = with_magic(live)
        stream = decompress(cast("BinaryIO", pipe), name)
        uncompressed = live if stream is pipe else None
        if options.one_pass:
            wait_s = 0.0 if options.now else QUIET_S
            stream = with_head(cast("BinaryIO", stream), uncompressed, wait_s=wait_s)
    if options.one_pass and not stream.peek(8).startswith(WHOLE):
        last_bytes = bytes if uncompressed is None else uncompressed.last_bytes
        yield Source(name=name, open_raw=lambda: cast("BinaryIO", stream), live=live, last_bytes=last_bytes)
        return
    live.notify_once_when_quiet(notify, f"Reading {name} to its end, because it has to be read twice.")
    with translate_errors(name), seekable(stream, first_lines(stream, name)) as file:
        descriptor = os.dup(file.fileno())  # kept until the process ends
    stream.close()

    def reopen() -> BinaryIO:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return cast("BinaryIO", io.FileIO(descriptor, closefd=False))

    if reopen().read(4) == ZIP:
        yield from _members(name, lambda: zipfile.ZipFile(reopen()), passed_over)
    else:
        yield Source(name=name, open_raw=reopen)
