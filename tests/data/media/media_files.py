"""Small real media files, and batches that point to them."""

import io
import struct
import wave
import zlib
from typing import Any, cast

import pypdf

from tuneline.data.batch import Batch
from tuneline.data.schema import Example, File, Part, Turn


class FieldNames:
    """Names fields as the Gemini shape does."""

    def field(self, example, turn, part):
        return f"contents[{turn}].parts[{part}]"


def batch_of(*files, resolution=None, in_answer=False):
    """One example a file, or one with several where a list is given."""
    examples = []
    for row, given in enumerate(files, start=1):
        parts = tuple(Part(file=file) for file in (given if isinstance(given, list) else [given]))
        question: tuple[Part, ...] = (Part("What is this?"),)
        answer: tuple[Part, ...] = (Part("A cat."),)
        if in_answer:
            answer += parts
        else:
            question += parts
        turns = (Turn("user", question), Turn("model", answer))
        examples.append(Example(turns, media_resolution=resolution, source="a.jsonl", row=row))
    return Batch(examples, cast("Any", FieldNames()))


def image(uri, mime_type="image/png"):
    return File(uri, mime_type)


def code_of(facts):
    """Code of the rule that a file breaks, if any."""
    return facts.problem.code if facts.problem else None


def png(*, extra=b""):
    """One white pixel; ``extra`` makes it another file."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\xff\xff")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
        + extra
    )


def jpeg():
    return bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


def wav(seconds):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(b"\x80" * int(8000 * seconds))
    return file.getvalue()


def mp4(seconds, *, filler=0):
    """A header without tracks: type, ``filler`` bytes of media, and the movie's length last."""

    def box(name, content):
        return struct.pack(">I", 8 + len(content)) + name + content

    movie = struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000)) + b"\0" * 80
    kind = box(b"ftyp", b"isom\0\0\2\0isomiso2")
    return kind + box(b"mdat", b"\0" * filler) + box(b"moov", box(b"mvhd", movie))


def pdf(pages):
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(72, 72)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def webm():
    return b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + b"\0" * 64
