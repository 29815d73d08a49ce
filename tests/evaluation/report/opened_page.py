"""A page that is open in the browser, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import Page


@dataclass
class Opened:
    """A page in the browser, and all that it said and asked for."""

    page: Page
    url: str
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def visible_rows(self) -> list[str]:
        """Numbers of the rows that can be seen."""
        cells = self.page.locator("#rows tbody tr:visible th")
        return [text.split()[0] for text in cells.all_inner_texts()]

    def count(self) -> str:
        """What the live region says."""
        return self.page.locator("[role=status]").inner_text()

    def assert_clean(self) -> None:
        """Nothing was logged, refused or fetched."""
        assert self.said == []
        assert self.requests == [self.url]
