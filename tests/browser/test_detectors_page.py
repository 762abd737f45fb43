"""A detector in a real browser: its card, the slider by keyboard, the address, deleting it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from db import job_claims, jobs
from db.detectors import list_detectors
from tests.browser.steps import see
from tests.page.small_bundle import write_bundle
from tests.page.small_report import report

if TYPE_CHECKING:
    import sqlite3

    from playwright.sync_api import Page

    from tests.browser.conftest import Site


def test_choosing_a_sensitivity_and_deleting(
    page: Page, site: Site, connection: sqlite3.Connection
) -> None:
    number = jobs.submit(connection, "smart mirror", "quick", 0, {})
    result = write_bundle(site.home / "detectors" / str(number))
    measured = Path(result["bundle"]).with_name("smart_mirror.report.json")
    measured.write_text(json.dumps(report()))
    job_claims.claim(connection, "tester")
    job_claims.finish(connection, number, "tester", result | {"report": str(measured)})

    page.goto(f"{site.url}/detectors")
    page.get_by_role("button", name="smart mirror").click()
    see(page, "About one false wake in two hours, hears 97 of 100.")
    page.wait_for_url(f"**/detectors?job={number}")
    see(page, "What it misses at each rate of false wakes")

    page.get_by_role("slider").first.press("ArrowRight")
    see(page, "About two false wakes an hour, hears 98 of 100.")
    page.wait_for_url("**at=0.41")
    page.get_by_role("tab", name="Use it").click()
    see(page, "--sensitivity 2")
    page.reload()
    see(page, "About two false wakes an hour, hears 98 of 100.")

    page.get_by_role("button", name="Delete this detector").click()
    see(page, "This cannot be undone")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_text("This cannot be undone").wait_for(state="hidden")
    assert measured.is_file()
    page.get_by_role("button", name="Delete this detector").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    see(page, f"The detector of smart mirror (job {number}) is deleted.")
    see(page, "No detector yet")
    assert not measured.parent.exists()
    assert list_detectors(connection) == []
