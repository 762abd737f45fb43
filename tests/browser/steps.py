"""What a person does on the page: wait until they see something, press a button, get a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


def see(page: Page, text: str, timeout_s: float = 30.0) -> None:
    """Wait until a text is visible."""
    page.get_by_text(text).first.wait_for(state="visible", timeout=1000 * timeout_s)


def download(page: Page, button: str, folder: Path) -> bytes:
    """Press the button whose name matches and return the bytes that arrive in the folder."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=re.compile(button)).click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path.read_bytes()
