"""Secrets in texts: keys, tokens and passwords that open something.

They are reported and not rejected unless the user says so, since a pattern cannot tell a live key
from the worn-out one of a tutorial: ``mask`` takes out the value, the severity ``error`` the row.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from tuneline.data.checks.personal import AROUND_AT
from tuneline.data.checks.rule import Rule
from tuneline.data.checks.screen import Detector, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_START = r"(?<![A-Za-z0-9_-])"
# A key drawn at random has many characters; XXXX... and 0000... stand for one.
_FEWEST_CHARACTERS = 8


def _is_random(value: str) -> bool:
    return len(set(value)) >= _FEWEST_CHARACTERS


class _Tokens:
    """The judgement of tokens with a fixed form; the last group that took part is the secret."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    def __call__(self, text: str) -> Iterator[Span]:
        for match in self.pattern.finditer(text):
            group = match.lastindex or 0
            if _is_random(match[group]):
                yield Span(*match.span(group))


_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?!-----BEGIN )[\s\S])*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)


def _private_keys(text: str) -> Iterator[Span]:
    """Whole blocks; one that is cut off is taken to the end of the text."""
    for match in _PRIVATE_KEY.finditer(text):
        # A header alone is how documentation speaks of keys.
        if re.search(r"[A-Za-z0-9+/=]{16}", match[0]):
            yield Span(*match.span())


_JWT = re.compile(rf"{_START}(eyJ[\w-]{{8,}})\.eyJ[\w-]{{8,}}\.[\w-]{{16,}}", re.ASCII)


def _web_tokens(text: str) -> Iterator[Span]:
    for match in _JWT.finditer(text):
        try:
            header = base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4))
        except binascii.Error:
            continue
        if b'"alg"' in header:
            yield Span(*match.span())


_NAME = (
    r"(?:password|passwd|passphrase|pwd|secret|api[ _-]?key|secret[ _-]?key|access[ _-]?key"
    r"|client[ _-]?secret|(?:access|auth|bearer|refresh|api)[ _-]?token)"
)
_ASSIGNMENT = re.compile(
    rf"(?i:{_NAME})\d?[\"'`]?(?:\s{{0,3}}(?::=|=>|[:=])\s{{0,3}}| is )"
    r"(?:(?P<quote>\\?[\"'`])(?P<quoted>[^\s\"'`\\]{6,200})(?P=quote)|(?P<bare>[^\s\"'`,;(){}<>\[\]\\]{6,100}))"
)
_STAND_IN = re.compile(
    r"(?i)pass(?:word|wd|wort)|secret|your|change_?me|placeholder|x{4}|\*{3}|\.{3}|\u2026|redacted|dummy"
    r"|required|optional|env\b|os\.|process\.|config|getenv|vault|kms|ssm|\$\{|\{\{|%\(|%s|#\{|^[$%<\[{/.~@&-]|://"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+|[a-z]+(?:_[a-z]+)+\d?|[a-z]+(?:[A-Z][a-z]+)+\d?")


def _passwords(text: str) -> Iterator[Span]:
    for match in _ASSIGNMENT.finditer(text):
        group = "quoted" if match["quoted"] else "bare"
        start, end = match.span(group)
        end = start + len(text[start:end].rstrip(".?:" if group == "bare" else ""))
        if _is_password(text[start:end]):
            yield Span(start, end)


def _is_password(value: str) -> bool:
    """Letters with digits or symbols, and neither a stand-in nor the name of a variable."""
    if len(value) < 6 or _STAND_IN.search(value) or _DOTTED.fullmatch(value):
        return False
    return bool(re.search("[A-Za-z]", value) and re.search(r"[0-9!@#$%^&*+~]", value))


_CREDENTIALS = re.compile(
    r"(?<![A-Za-z])[A-Za-z][A-Za-z0-9+.-]{1,20}://(?P<user>[^\s/:@\"'<>]{0,64})"
    r":(?P<password>[^\s/@\"'<>]{3,128})@[\w.\[-]"
)
_STAND_IN_PASSWORD = re.compile(
    r"(?i)pass|passw(?:or)?d|pwd|pw|secret|token|user(?:name)?|xxx+|\*+|\.{3,}|[$%{<\[].*|your.*"
)


def _url_credentials(text: str) -> Iterator[Span]:
    for match in _CREDENTIALS.finditer(text):
        if not _STAND_IN_PASSWORD.fullmatch(match["password"]):
            yield Span(*match.span("password"))


def _detector(
    code: str,
    noun: str,
    screen: str,
    spans: Callable[[str], Iterable[Span]],
    mask: str,
    gate: str = "",
) -> Detector:
    rule = Rule(
        code,
        "warn",
        f"A text holds what looks like {noun}: a tuned model may repeat it to anybody.",
        "Withdraw the secret where it is valid, then remove it at the source, or let the stage "
        f'replace it by {mask} with mask: ["{code}"].',
    )
    return Detector(rule, noun, screen, spans, gate, mask)


def _token(
    code: str, noun: str, expression: str, screen: str, mask: str, gate: str = ""
) -> Detector:
    return _detector(code, noun, screen, _Tokens(expression), mask, gate)


DETECTORS = (
    _detector("secret_private_key", "a private key", "PRIVATE KEY", _private_keys, "[PRIVATE_KEY]"),
    _token(
        "secret_aws_key",
        "an AWS access key",
        rf"{_START}(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{{16}}(?![A-Za-z0-9])"
        r"|(?i:aws.{0,20}secret.{0,20}?[:=]\s*\\?[\"']?)([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{4}|(?i:aws[^\n]{0,20}secret)",
        "[AWS_KEY]",
        "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{4}|(?i:secret)",
    ),
    _token(
        "secret_gcp_key",
        "a Google Cloud key",
        rf"{_START}(?:AIza[\w-]{{35}}|GOCSPX-[\w-]{{28}}|ya29\.[\w-]{{20,}})(?![\w-])",
        r"AIza|GOCSPX-|ya29\.",
        "[GCP_KEY]",
    ),
    _token(
        "secret_github_token",
        "a GitHub token",
        rf"{_START}(?:gh[pousr]_[A-Za-z0-9]{{36,255}}|github_pat_\w{{22,255}})",
        "gh[pousr]_[A-Za-z0-9]{4}|github_pat_",
        "[GITHUB_TOKEN]",
    ),
    _token(
        "secret_slack_token",
        "a Slack token",
        rf"{_START}xox[abeoprs]-(?=[A-Za-z-]*\d)[A-Za-z0-9-]{{10,250}}"
        r"|(?<=hooks\.slack\.com/services/)T\w{6,}/B\w{6,}/\w{16,}",
        r"xox[abeoprs]-|hooks\.slack\.com",
        "[SLACK_TOKEN]",
    ),
    _token(
        "secret_anthropic_key",
        "an Anthropic key",
        rf"{_START}sk-ant-[\w-]{{20,200}}",
        "sk-ant-",
        "[ANTHROPIC_KEY]",
    ),
    _token(
        "secret_openai_key",
        "an OpenAI key",
        rf"{_START}sk-(?!ant-)(?:(?:proj|svcacct|admin)-)?(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{{20,250}}",
        r"sk-[A-Za-z0-9_-]{20}",
        "[OPENAI_KEY]",
        "sk-[A-Za-z0-9_-]{9}",
    ),
    _token(
        "secret_hf_token",
        "a Hugging Face token",
        rf"{_START}(?:hf|api_org)_[A-Za-z0-9]{{30,80}}(?!\w)",
        "(?:hf|api_org)_[A-Za-z0-9]{30}",
        "[HF_TOKEN]",
        "(?:hf|api_org)_[A-Za-z0-9]{4}",
    ),
    _token(
        "secret_service_token",
        "a service's token (GitLab, Stripe, SendGrid, npm, PyPI, Databricks, Telegram)",
        rf"{_START}(?:glpat-[\w-]{{20,}}|[rs]k_(?:live|test)_[A-Za-z0-9]{{20,}}"
        r"|SG\.[\w-]{22}\.[\w-]{43}|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|dapi[0-9a-f]{32}"
        r"|\d{8,10}:AA[\w-]{33})",
        "glpat-|[rs]k_(?:live|test)_|SG\\.[0-9A-Za-z_-]{22}|npm_[A-Za-z0-9]{36}|pypi-AgE"
        "|dapi[0-9a-f]{32}|[0-9]{8}:AA|[0-9]{9}:AA",
        "[TOKEN]",
        r"glpat-|[rs]k_(?:live|test)_|SG\.[0-9A-Za-z_-]{4}|npm_[A-Za-z0-9]{4}|pypi-AgE"
        "|dapi[0-9a-f]{8}|[0-9]:AA",
    ),
    _detector(
        "secret_jwt", "a signed web token (JWT)", r"eyJ[A-Za-z0-9_-]+\.eyJ", _web_tokens, "[JWT]"
    ),
    _detector(
        "secret_url_credentials",
        "a password in a URL",
        r"://[^\s/:@]*:[^\s/@]+@",
        _url_credentials,
        "[PASSWORD]",
        AROUND_AT,
    ),
    _detector(
        "secret_password_assignment",
        "a password or key",
        rf"(?i:{_NAME})[0-9]?[\"'`]?(?:\s{{0,3}}[:=]| is )",
        _passwords,
        "[PASSWORD]",
        r"(?i:word|wd|phrase|secret|key|token)[0-9]?[\"'`]?(?:\s{0,3}[:=]| is )",
    ),
)
RULES = tuple(detector.rule for detector in DETECTORS)
