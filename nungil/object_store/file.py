"""Objects as files of one folder: written to a temporary name, synced, renamed, and the folder synced."""

from __future__ import annotations

import errno
import heapq
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nungil.object_store.errors import InvalidKey, ObjectNotFound, ObjectStoreAway
from nungil.object_store.names import checked_key, checked_prefix

_TEMPORARY = "~tmp"  # no key can name it: '~' is not allowed in keys
_STALE_S = 3600.0
_PUT_TRIES = 100  # a folder can be removed by a delete just before the rename into it
_LISTED_AT_ONCE = 50_000  # names of one folder kept in memory, 10 MB; a folder of more is read again for the next
_NOT_THERE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FileObjectStore:
    """Safe for many threads and many processes on one machine. A key may not be the folder of another key."""

    def __init__(self, folder: Path) -> None:
        with _translated():
            folder.mkdir(parents=True, exist_ok=True)
            self._root = folder.resolve(strict=True)
            self._temporary = self._root / _TEMPORARY
            self._temporary.mkdir(exist_ok=True)
            self._sweep()

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """As the port says; `content_type` is not kept, a file has none."""
        path = self._path(key)
        with _translated():
            descriptor, written = tempfile.mkstemp(dir=self._temporary)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                self._rename(written, path, key)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(written)
                raise

    def get(self, key: str) -> bytes:
        path = self._path(key)
        with _translated():
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                with os.fdopen(descriptor, "rb") as file:
                    return file.read()
            except _NOT_THERE as error:
                raise ObjectNotFound(f"no object {key}") from error
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise ObjectNotFound(f"no object {key}: a symbolic link is none") from error
                raise

    def exists(self, key: str) -> bool:
        path = self._path(key)
        with _translated():
            return path.is_file() and not path.is_symlink()

    def delete(self, key: str) -> None:
        path = self._path(key)
        with _translated():
            try:
                path.unlink()
            except _NOT_THERE:
                return
            except PermissionError as error:
                if path.is_dir():  # what macOS says where Linux says EISDIR
                    return
                raise error
            self._sync_and_prune(path.parent)

    def list(self, prefix: str) -> Iterator[str]:
        folder, _, name = checked_prefix(prefix).rpartition("/")
        start = self._guarded(self._root / folder, prefix) if folder else self._root
        return self._walk(start, f"{folder}/" if folder else "", name)

    def _walk(self, folder: Path, above: str, beginning: str) -> Iterator[str]:
        after = ""
        while names := _names(folder, beginning, after):
            for name in names:
                if name.endswith("/"):
                    yield from self._walk(folder / name, above + name, "")
                else:
                    yield above + name
            if len(names) < _LISTED_AT_ONCE:
                return
            after = names[-1]

    def _path(self, key: str) -> Path:
        return self._guarded(self._root / checked_key(key), key)

    def _guarded(self, path: Path, key: str) -> Path:
        """`path`, unless a symbolic link on the way would lead elsewhere."""
        with _translated():
            if os.path.realpath(path.parent) != str(path.parent):
                raise InvalidKey(f"{key!r} leads through a symbolic link")
        return path

    def _rename(self, written: str, path: Path, key: str) -> None:
        for _ in range(_PUT_TRIES):
            try:
                made = _make_folders(path.parent)
                os.replace(written, path)
            except FileNotFoundError:
                continue
            except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
                if not path.is_dir() and not any(above.is_file() for above in path.parents):
                    continue  # a folder went while we made it
                raise InvalidKey(f"{key!r} is the folder of another key, or lies under one") from error
            for folder in made:
                _sync(folder)
            return
        raise ObjectStoreAway(f"the folder of {key!r} keeps disappearing")

    def _sync_and_prune(self, folder: Path) -> None:
        """Makes a removal durable, and removes the folders that it left empty."""
        while folder != self._root:
            with suppress(FileNotFoundError):
                _sync(folder)
            try:
                folder.rmdir()
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    return
                raise
            folder = folder.parent
        _sync(folder)

    def _sweep(self) -> None:
        """Removes what a killed process had not finished writing."""
        oldest_s = time.time() - _STALE_S
        for path in self._temporary.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest_s:
                    path.unlink()


def _names(folder: Path, beginning: str, after: str) -> list[str]:
    """The next names in `folder` that begin so, in order. A folder's has its slash: "a-b" comes before "a/b", and "a0" after it."""
    with _translated():
        try:
            with os.scandir(folder) as entries:
                names = (
                    f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
                    for entry in entries
                    if entry.name.startswith(beginning) and "~" not in entry.name and not entry.is_symlink()
                )
                return heapq.nsmallest(_LISTED_AT_ONCE, (name for name in names if name > after))
        except _NOT_THERE:
            return []


def _make_folders(folder: Path) -> list[Path]:
    """Makes what is missing; the folders to sync after the rename, deepest first."""
    to_sync = [folder]
    missing = folder
    while not missing.is_dir() and missing != missing.parent:
        missing = missing.parent
        to_sync.append(missing)
    folder.mkdir(parents=True, exist_ok=True)
    return to_sync


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ObjectStoreAway(f"the folder of objects cannot be used: {error}") from error
