"""Personal data in texts: addresses, numbers and accounts that belong to somebody.

Every kind has a form that a machine can check: a check digit, a published numbering plan, a domain.
Names and postal addresses have none and are not looked for. Reserved examples (example.com,
555-0100, test cards, documentation addresses) count like the real ones that they stand for.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.it import codicefiscale
from stdnum.us import ssn

from tuneline.data.checks.phone_numbers import DIGIT_RUN, PHONE_SCREEN, phone_numbers
from tuneline.data.checks.rule import Rule
from tuneline.data.checks.screen import Detector, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


# One gate for all long numbers, IPv6 and Italian identity numbers.
_NUMBERS = rf"{DIGIT_RUN}|[23][0-9A-Fa-f]{{3}}:[0-9A-Fa-f]{{0,4}}:|[A-Z]{{6}}[0-9]{{2}}"
AROUND_AT = r"[^\s@]@[^\s@]"
"""RE2 expression that every text with an e-mail address or a URL with a user matches."""

_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?P<last>[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})(?![\w@(\[])"
)
# Endings of file names such as logo@2x.png, and names that no mail leaves the machine with.
_NO_MAIL = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "css",
        "js",
        "ts",
        "json",
        "html",
        "txt",
        "local",
        "localdomain",
        "lan",
    ]
)


_VERSION = re.compile(r"\d+\.\d")


def _emails(text: str) -> Iterator[Span]:
    at = text.find("@")
    while at >= 0:
        start = _local_start(text, at)
        domain = _DOMAIN.match(text, at + 1)
        if domain and start < at and _is_mail(text, start, at, domain):
            yield Span(start, domain.end())
            at = domain.end()
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int:
    """Where the part before the @ begins."""
    start = at
    while (
        start > 0 and at - start < 64 and (text[start - 1].isalnum() or text[start - 1] in "._%+-")
    ):
        start -= 1
    while start < at and not text[start].isalnum():
        start += 1
    return start


def _is_mail(text: str, start: int, at: int, domain: re.Match[str]) -> bool:
    before = text[max(0, start - 1) : start]
    if domain["last"].lower() in _NO_MAIL or before == "@":
        return False
    # git@host:path and scheme://user:password@host are no mailboxes, nor is package@1.2.3-rc.one.
    if text[domain.end() : domain.end() + 1] == ":" and text[start:at] == "git":
        return False
    if before in {":", "/"} and re.search(r"://[^\s/@]*$", text[max(0, start - 90) : start]):
        return False
    return not _VERSION.match(domain[0])


_CARD_RUN = re.compile(r"\d[\d -]{12,}\d")
_CARD = re.compile(
    r"(?<![\w-])(?<!\d\.)(?:"
    r"\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|3\d{3}([ -])\d{6}\2\d{4,5}"
    r")(?![\w-])(?!\.\d)"
)
# Issuers' ranges and the number of digits that they give out.
_ISSUERS = re.compile(
    r"4\d{15}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)


def _cards(text: str) -> Iterator[Span]:
    for run in _CARD_RUN.finditer(text):
        for match in _CARD.finditer(text, run.start(), run.end() + 2):
            digits = re.sub(r"[ -]", "", match[0])
            if _ISSUERS.fullmatch(digits) and luhn.is_valid(digits):
                yield Span(*match.span())


_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        start, end = match.span()
        # Words in capitals that follow in groups of four look like more of the number.
        while not _is_iban(text[start:end]) and " " in text[start:end]:
            end = text.rindex(" ", start, end)
        if _is_iban(text[start:end]):
            yield Span(start, end)


def _is_iban(number: str) -> bool:
    # Without the national check digits, which change with the banks that a country has.
    valid: bool = iban.is_valid(number, check_country=False)
    return valid


_SSN = re.compile(
    r"(?<![\w-])(?<!\d\.)(\d{3}-\d\d-\d{4})(?![\w-])"
    r"|(?i:\bssn|social security(?: number| no\.?)?)[\s:#\"=]{0,5}(?:is )?"
    r"(\d{3} ?\d\d ?\d{4})(?!\w)"
)


def _social_security(text: str) -> Iterator[Span]:
    for match in _SSN.finditer(text):
        number = match.lastindex or 0
        if ssn.is_valid(match[number].replace(" ", "-")):
            yield Span(*match.span(number))


_IP = re.compile(
    r"(?<![\w.:-])(?:(?P<four>\d{1,3}(?:\.\d{1,3}){3})(?![\w-])(?!\.\d)"
    # Among decimal numbers it is two of them run together, as drawings write them.
    r"(?![ ,]-?\d*\.\d+(?:\.\d+)?(?![.\d]))"
    r"|(?P<six>[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4})(?![\w:]))"
)
_VERSION_BEFORE = re.compile(
    r"(?i)(?:\b(?:v|ver|version|versions|release|build|firmware|driver|section|chapter|clause|table"
    r"|figure|oid|objectidentifier|assembly|patch|revision|rev|sdk|package)\.?[\s:=(\"']*"
    r"|\b(?:updat|upgrad|bump)\w*\s[^\n]{0,16}"
    r"|[A-Za-z]/|==|>=|<=|~=|\u00a7 ?)$"
)
_DOCUMENTATION = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"),
    )
)


def _ip_addresses(text: str) -> Iterator[Span]:
    for match in _IP.finditer(text):
        if _is_public(match[0]) and not _VERSION_BEFORE.search(
            text[max(0, match.start() - 24) : match.start()]
        ):
            yield Span(*match.span())


def _is_public(text: str) -> bool:
    """An address of a machine on the internet; 1.2.3.4 and the like are versions or resolvers."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_multicast or (address.version == 4 and max(address.packed) < 10):
        return False
    return address.is_global or any(address in network for network in _DOCUMENTATION)


_NATIONAL = re.compile(
    r"(?<![\w.-])(?:(?P<brazil>\d{3}\.\d{3}\.\d{3}-\d\d)|(?P<china>[1-9]\d{16}[\dXx])"
    r"|(?P<italy>[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]))(?![\w-])"
)
_CHECKS = {"brazil": cpf.is_valid, "china": ric.is_valid, "italy": codicefiscale.is_valid}


def _national_ids(text: str) -> Iterator[Span]:
    for match in _NATIONAL.finditer(text):
        if _CHECKS[match.lastgroup or ""](match[0]):
            yield Span(*match.span())


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
        f"A text holds {noun}: a tuned model may repeat it to anybody.",
        f'Remove it at the source, or let the stage replace it by {mask} with mask: ["{code}"].',
    )
    return Detector(rule, noun, screen, spans, gate, mask)


DETECTORS = (
    _detector(
        "pii_email", "an e-mail address", r"[^\s@]@[^\s@]+\.[^\s@\d]", _emails, "[EMAIL]", AROUND_AT
    ),
    _detector("pii_phone", "a telephone number", PHONE_SCREEN, phone_numbers, "[PHONE]", _NUMBERS),
    _detector(
        "pii_credit_card",
        "a payment card number",
        "[2-6][0-9]{3}[ -]?[0-9]{4}[0-9 -]{6}",
        _cards,
        "[CARD]",
        _NUMBERS,
    ),
    _detector(
        "pii_iban",
        "a bank account number (IBAN)",
        "[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
        _ibans,
        "[IBAN]",
    ),
    _detector(
        "pii_us_ssn",
        "a US social security number",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}|(?i:ssn|social security)",
        _social_security,
        "[SSN]",
        _NUMBERS,
    ),
    _detector(
        "pii_ip_address",
        "a public IP address",
        r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:",
        _ip_addresses,
        "[IP_ADDRESS]",
        _NUMBERS,
    ),
    _detector(
        "pii_national_id",
        "a national identity number (Brazil, China, Italy)",
        r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]|[1-9][0-9]{16}[0-9Xx]|[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}",
        _national_ids,
        "[NATIONAL_ID]",
        _NUMBERS,
    ),
)
RULES = tuple(detector.rule for detector in DETECTORS)
