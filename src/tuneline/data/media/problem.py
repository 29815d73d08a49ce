"""What is wrong with one media file, as the code of a rule and a sentence."""

from __future__ import annotations


class MediaProblem(Exception):  # noqa: N818 - a finding on one file of the data, not a fault
    """A media file that cannot be used.

    Args:
        code: Code of the rule, such as ``missing_media``.
        message: What is wrong and what to do, without file, row and field.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)

    def __reduce__(self) -> tuple[type[MediaProblem], tuple[str, str]]:
        return type(self), (self.code, self.message)
