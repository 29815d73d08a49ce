"""One self-contained HTML page from a stage's template: no network, text escaped.

A page has no script unless its stage brings one; then the page's content security policy names
that script by its SHA-256, so that nothing else can run.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_SHARED_PACKAGE = "tuneline.report"


class _Script(NamedTuple):
    """A script and its digest as a content security policy names it."""

    source: Markup
    digest: str


def render_page(package: str, template_name: str, script_name: str = "", **context: Any) -> str:
    """Render a template of ``package`` that extends the shared ``base.html``.

    The shared templates (``base.html``, ``style.css``) are found first, so a stage cannot replace
    them by accident. Every value is escaped unless it is `markupsafe.Markup`, which only
    `tuneline.report` makes. A variable that the template names and ``context`` lacks is an error.

    Args:
        package: Import name of the package whose folder holds the template, such as
            ``tuneline.evaluation``.
        template_name: File name of the template in that folder.
        script_name: File name of a script in that folder that runs at the end of the page; empty
            for none. It is no template: the page holds it as it is.
        **context: What the template shows.

    Returns:
        The page as text that ends in a newline; equal for equal arguments.

    Raises:
        jinja2.TemplateNotFound: Neither package holds the template.
        jinja2.UndefinedError: The template names something that ``context`` lacks.
        ValueError: The script would end its element early.
    """
    loader = ChoiceLoader(
        [PackageLoader(name, package_path="") for name in (_SHARED_PACKAGE, package)]
    )
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = (
        _script(loader.get_source(environment, script_name)[0], script_name)
        if script_name
        else None
    )
    return environment.get_template(template_name).render(context, script=script)


def _script(source: str, name: str) -> _Script:
    # In a script element, these would end it or open another one, even within a string.
    if "</script" in source.lower() or "<!--" in source:
        raise ValueError(f"{name}: holds </script or <!--, which a script in a page cannot.")
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")
    return _Script(Markup(source), f"sha256-{digest}")  # noqa: S704  a file of the stage's package
