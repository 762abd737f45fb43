"""People sign in with a provider: who is let in, what they share, and what nobody else sees."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from db import jobs
from db.connection import open_database
from tests.browser.conftest import PATIENCE_MS, free_port, running_site
from tests.browser.steps import see

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Site

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("authlib") is None, reason='pip install "watchword[sign-in]"'
)

PEOPLE = {
    "anna": {"name": "Anna", "email": "anna@example.org", "email_verified": True},
    "ben": {"name": "Ben", "email": "ben@example.org", "email_verified": True},
    "eve": {"name": "Eve", "email": "eve@example.org", "email_verified": True},
    "mallory": {"name": "Mallory", "email": "anna@example.org", "email_verified": False},
}
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret of the cookies, 32 bytes"
client_id = "watchword"
client_secret = "a secret of the client"
server_metadata_url = "{provider}/.well-known/openid-configuration"

[people]
emails = ["anna@example.org", "ben@example.org"]
"""


@pytest.fixture
def guarded(tmp_path: Path, chromium: Browser) -> Iterator[Site]:
    """A page that asks everybody who they are."""
    from tests.browser.provider import running_provider

    port, secrets = free_port(), tmp_path / "secrets.toml"
    with running_provider(PEOPLE) as provider:
        secrets.write_text(SECRETS.format(port=port, provider=provider.url))
        with running_site(tmp_path, port, STREAMLIT_SECRETS_FILES=str(secrets)) as site:
            yield site


def sign_in(chromium: Browser, site: Site, subject: str, path: str = "") -> Page:
    """Sign in with a browser of its own; return its page."""
    page = chromium.new_context().new_page()
    page.set_default_timeout(2 * PATIENCE_MS)
    page.goto(site.url + path)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=subject).click()
    return page


def teach(page: Page, site: Site, phrase: str) -> None:
    page.goto(site.url)
    page.get_by_role("textbox", name="Phrase").fill(phrase)
    page.get_by_role("textbox", name="Phrase").press("Enter")
    see(page, "Said as", 90)
    page.get_by_role("button", name="Create detector").click()
    see(page, "preset quick")


def test_people_share_the_queue_and_each_takes_turns(chromium: Browser, guarded: Site) -> None:
    stranger = chromium.new_context().new_page()
    stranger.goto(f"{guarded.url}/jobs?job=1")
    see(stranger, "open it again when you have signed in")
    assert stranger.get_by_text("New phrase").count() == 0

    anna = sign_in(chromium, guarded, "anna")
    see(anna, "Teach a new phrase")
    teach(anna, guarded, "smart mirror")
    ben = sign_in(chromium, guarded, "ben")
    see(ben, "Teach a new phrase")
    teach(ben, guarded, "view glass")
    elsewhere = sign_in(chromium, guarded, "anna")
    see(elsewhere, "Teach a new phrase")
    teach(elsewhere, guarded, "open sesame")

    ben.goto(f"{guarded.url}/jobs")
    for phrase in ("smart mirror", "view glass", "open sesame"):
        see(ben, phrase)
    with open_database(f"sqlite:///{guarded.home}/watchword.sqlite3") as connection:
        rows = jobs.list_jobs(connection).set_index("phrase").submitter
    assert rows["smart mirror"] == rows["open sesame"] != rows["view glass"]
    assert not any(name in " ".join(rows) for name in ("anna", "ben", "example.org"))

    ben.goto(f"{guarded.url}/settings")
    see(ben, "Signed in as Ben")
    ben.get_by_role("button", name="Sign out").click()
    ben.get_by_role("button", name="Sign in").wait_for()
    ben.goto(f"{guarded.url}/jobs")
    ben.get_by_role("button", name="Sign in").wait_for()
    assert ben.get_by_text("smart mirror").count() == 0


@pytest.mark.parametrize(
    ("subject", "why"), [("eve", "is not on the list"), ("mallory", "has not verified")]
)
def test_who_is_not_on_the_list_sees_no_page(
    chromium: Browser, guarded: Site, subject: str, why: str
) -> None:
    page = sign_in(chromium, guarded, subject)
    see(page, why)
    for path in ("", "/jobs", "/detectors", "/try", "/clips", "/settings"):
        page.goto(guarded.url + path)
        see(page, why)
        assert page.get_by_text("New phrase").count() == 0
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()
