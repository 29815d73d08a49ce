"""A page as a browser would take it apart, for tests."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "input", "br", "img", "wbr"}
_SEPARATED = {"td", "th", "p", "li", "summary", "text", "div"}
"""What follows these stands apart, without white space in the source."""

_IN_SVG = {"g", "path", "use", "circle", "line", "rect"}


class HtmlPage(HTMLParser):
    """Tags, attributes and text of a page; ``problems`` says where elements do not nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.problems: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID | _IN_SVG:
            self.problems.append(f"<{tag}/>")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")
        if tag in _SEPARATED:
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif not (self._open and self._open[-1] == "style"):
            self.text += data

    def values(self, attribute: str) -> list[str]:
        """All values of an attribute, in the order of the page."""
        return [value for name, value in self.attributes if name == attribute]

    def policy(self) -> str:
        """The content security policy."""
        return next(value for value in self.values("content") if value.startswith("default-src"))
