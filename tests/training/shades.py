"""Images of one color each, which a model has to name."""

from pathlib import Path

from PIL import Image

from tuneline.data.schema import Example, ExamplesInfo, File, Part, Turn, write_examples

COLORS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250)}


def shade(folder: Path, number: int, color: str) -> str:
    """Write an image of nearly that color; its name."""
    pixel = tuple(min(255, value + number % 5) for value in COLORS[color])
    Image.new("RGB", (30 + number % 7, 33), pixel).save(folder / f"{number}.png")
    return f"{number}.png"


def pictured(folder: Path, number: int, color: str) -> Example:
    """A row that asks for the color of an image, which is written too."""
    image = File(shade(folder, number, color), "image/png")
    asked = (Part(file=image), Part(text=f"picture {number}, which color?"))
    return Example(
        (Turn("user", asked), Turn("model", (Part(text=color),))),
        label=color,
        source="shades.jsonl",
        row=number,
    )


def write_images(path: Path, examples: list[Example]) -> Path:
    """Write examples as the canonical split that the file's name says."""
    write_examples(path, examples, ExamplesInfo(path.stem, "classification", tuple(sorted(COLORS))))
    return path
