"""One self-contained HTML page from a stage's template: no script, no network, text escaped."""

from __future__ import annotations

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

_SHARED_PACKAGE = "tuneline.report"


def render_page(package: str, template_name: str, **context: Any) -> str:
    """Render a template of ``package`` that extends the shared ``base.html``.

    The shared templates (``base.html``, ``style.css``) are found first, so a stage cannot replace
    them by accident. Every value is escaped unless it is `markupsafe.Markup`, which only
    `tuneline.report` makes. A variable that the template names and ``context`` lacks is an error.

    Args:
        package: Import name of the package whose folder holds the template, such as
            ``tuneline.evaluation``.
        template_name: File name of the template in that folder.
        **context: What the template shows.

    Returns:
        The page as text that ends in a newline; equal for equal arguments.

    Raises:
        jinja2.TemplateNotFound: Neither package holds the template.
        jinja2.UndefinedError: The template names something that ``context`` lacks.
    """
    loaders = [PackageLoader(name, package_path="") for name in (_SHARED_PACKAGE, package)]
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template_name).render(context)
