"""A headless browser and pages that are open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.evaluation.report.opened_page import Opened
from tests.evaluation.report.samples import Sample
from tuneline.evaluation.report.page import evaluation_page

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the system; skipped without one, unless TUNELINE_REQUIRE_BROWSER=1."""
    path = shutil.which("chromium")
    if path is None:
        message = "no chromium on this machine: install it (Debian: apt-get install chromium)"
        if os.environ.get("TUNELINE_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open the page of a sample; what it says and asks for is recorded."""
    contexts: list[BrowserContext] = []

    def opened(sample: Sample, *, width: int = 1200, **options: Any) -> Opened:
        path = tmp_path / "report.html"
        path.write_text(evaluation_page(*sample), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        found = Opened(page, path.as_uri())
        page.on("console", lambda message: found.said.append(message.text))
        page.on("pageerror", lambda error: found.said.append(str(error)))
        page.on("dialog", lambda dialog: found.said.append(dialog.message))
        context.on("request", lambda request: found.requests.append(request.url))
        page.goto(found.url)
        return found

    yield opened
    for context in contexts:
        context.close()
