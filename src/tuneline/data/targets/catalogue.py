"""The catalogue of managed models: dated data with sources, which a user's file can correct.

Limits, locations and prices of a managed service move several times a year, so none of them is in
code: they stand in ``catalogue.yaml`` beside this module, each with the day and the page that it
was read from. What no page says is ``unknown`` there and is never filled in by a guess.
"""

from __future__ import annotations

import datetime as dt
import reprlib
from importlib.resources import files
from typing import Annotated, Any, Literal

import fsspec
import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveInt,
    StringConstraints,
    Tag,
    model_validator,
)

from tuneline.errors import ConfigurationError
from tuneline.settings import suggestion, validated

UNKNOWN = "unknown"
"""What the catalogue says where no page tells."""

Unknown = Literal["unknown"]


def _word(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


# In YAML, a bare yes or no is a truth value.
Support = Annotated[Literal["yes", "no", "disputed", "unknown"], BeforeValidator(_word)]
"""``disputed``: the documentation says yes and users report a refusal."""

Engine = Literal["gemini", "vertex-open"]
Method = Literal["pet", "full"]
"""``pet`` trains an adapter, ``full`` every weight."""

Modality = Literal["text", "image", "audio", "video", "document"]
Url = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]


def _tag(value: Any) -> str:
    return UNKNOWN if isinstance(value, str) else "known"


# Told apart before they are validated, so that a wrong value gives one problem and not two.
_Unknown = Annotated[Unknown, Tag(UNKNOWN)]
_Known = Annotated[Annotated[PositiveInt, Tag("known")] | _Unknown, Discriminator(_tag)]
_Names = Annotated[Annotated[tuple[str, ...], Tag("known")] | _Unknown, Discriminator(_tag)]
_Sizes = Annotated[Annotated[tuple[PositiveInt, ...], Tag("known")] | _Unknown, Discriminator(_tag)]
_Share = Annotated[
    Annotated[float, Field(gt=0, le=1), Tag("known")] | _Unknown, Discriminator(_tag)
]
_Day = dt.date | Unknown


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sourced(_Entry):
    """Where a value was read.

    Attributes:
        as_of: The day it was read, or that its page is dated.
        source: Its page; for a field report the page on which to confirm it.
        basis: Who says it; ``own`` in a user's file.
    """

    as_of: dt.date
    source: Url
    basis: Literal["vendor", "field report", "own"] = "vendor"


class MediaLimit(Sourced):
    """What one example may hold of one modality.

    Attributes:
        files: Most files in one example.
        bytes: Most bytes of one file.
        mime_types: The MIME types that are taken.
        pages: Most pages in one example, for documents.
        seconds: Longest play time, for audio and video; for video by media resolution, where the
            key ``default`` stands for an example that names none.
    """

    files: _Known
    bytes: _Known
    mime_types: _Names
    pages: _Known | None = None
    seconds: PositiveInt | dict[str, PositiveInt] | None = None


class MediaTokens(Sourced):
    """Tokens of one file (an image) or one frame (a video), by media resolution.

    The key ``default`` stands for an example that names no resolution.
    """

    by_resolution: dict[str, PositiveInt]


class Price(Sourced):
    """Price of tuning in US dollars; the tokens are those of the data set, times the epochs."""

    usd_per_million_tokens: Annotated[float, Field(ge=0)]


class Retirement(Sourced):
    """When a model goes.

    Attributes:
        retired: It is gone already.
        not_after: The day its calls end, and those of models that were tuned from it.
        tuning_ends: The day from which new projects can no longer tune it.
        certain: The days are the vendor's own for this service.
    """

    retired: bool = False
    not_after: _Day
    tuning_ends: _Day
    certain: bool


class ValidationLimits(Sourced):
    """How large a validation file may be.

    Attributes:
        rows: Most rows.
        row_share: Most rows as a share of the training rows...
        row_share_above: ...which holds where there are more validation rows than this.
        byte_share: Most bytes as a share of the training file's.
    """

    rows: _Known
    row_share: _Share | None = None
    row_share_above: Annotated[int, Field(ge=0)] = 0
    byte_share: _Share | None = None


class Locations(_Entry):
    """Where a model is tuned and where the tuned model answers: two lists that differ."""

    tuning: _Names
    serving: _Names


class ModelEntry(Sourced):
    """One managed model. Values with no source of their own have the entry's.

    Attributes:
        id: The name to submit.
        aliases: Other names that mean it.
        publisher: Who made it.
        engine: The managed service's kind of tuning.
        methods: The methods of tuning that it offers.
        adapter_sizes: Adapter ranks that are taken.
        locations: Where it is tuned and served.
        customer_managed_keys: Whether encryption keys of the customer's are taken.
        formats: Shapes of data set lines that are taken.
        answer_role: What lines of the ``contents`` shape call the model's turn.
        max_example_tokens: Longest example, prompt and answer together.
        max_train_rows: Most training rows where all are text.
        max_train_rows_multimodal: Most training rows where some hold media.
        recommended_train_rows: Fewest training rows that the vendor recommends.
        max_file_bytes: Largest training file.
        validation: Limits of the validation file.
        modalities: What examples may hold.
        media: Limits by modality; one that is not listed has none that is known.
        media_resolutions: Values of ``mediaResolution`` that are taken.
        one_media_resolution: Lines of a data set with video must carry the same resolution.
        images_drop_text_rows: One example with an image makes the service leave out all without.
        media_tokens: Tokens by modality, where measured or documented.
        system: Whether a system instruction is taken.
        tools: Whether declared tools are taken.
        function_calls: Whether turns may hold function calls and responses.
        turn_weights: Whether a model's turn can be left out of the loss.
        price: Price of tuning.
        retirement: When it goes.
        notes: What a person should know, and what is not known.
    """

    id: Annotated[str, StringConstraints(min_length=1)]
    aliases: tuple[str, ...] = ()
    publisher: str
    engine: Engine
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    adapter_sizes: _Sizes
    locations: Locations
    customer_managed_keys: Support
    formats: Annotated[tuple[str, ...], Field(min_length=1)]
    answer_role: Literal["model", "assistant"]
    max_example_tokens: _Known
    max_train_rows: _Known
    max_train_rows_multimodal: _Known
    recommended_train_rows: _Known
    max_file_bytes: _Known
    validation: ValidationLimits
    modalities: Annotated[tuple[Modality, ...], Field(min_length=1)]
    media: dict[Modality, MediaLimit] = {}
    media_resolutions: _Names
    one_media_resolution: bool = False
    images_drop_text_rows: bool = False
    media_tokens: dict[Modality, MediaTokens] = {}
    system: Support
    tools: Support
    function_calls: Support
    turn_weights: Support
    price: Annotated[Annotated[Price, Tag("known")] | _Unknown, Discriminator(_tag)]
    retirement: Annotated[Annotated[Retirement, Tag("known")] | _Unknown, Discriminator(_tag)]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The id and the aliases."""
        return (self.id, *self.aliases)

    def is_retired(self, today: dt.date) -> bool:
        """Whether the model is gone for certain, so that the service would refuse it."""
        plan = self.retirement
        if isinstance(plan, str):
            return False
        over = isinstance(plan.not_after, dt.date) and today > plan.not_after
        return plan.retired or (over and plan.certain)

    def warnings(self, today: dt.date) -> list[str]:
        """What to know before this model is chosen: its retirement, and the age of what is said.

        Args:
            today: The day to judge by.
        """
        found = [_retirement_warning(self, today)]
        age = (today - self.as_of).days
        if age > _OLD_DAYS:
            found.append(
                f"What the catalogue says of {self.id} is of {self.as_of}, {age} days ago. Check "
                f"{self.source}, and correct it in a catalogue file of your own."
            )
        return [sentence for sentence in found if sentence]


_OLD_DAYS = 180
"""Limits and prices of the service moved about every half year when this was written."""


def _retirement_warning(entry: ModelEntry, today: dt.date) -> str:
    plan = entry.retirement
    if isinstance(plan, str):
        return ""
    said = f"as of {plan.as_of}, {plan.basis}: {plan.source}"
    sure = "" if plan.certain else " by reports that the vendor has not confirmed"
    if plan.retired or (isinstance(plan.not_after, dt.date) and today > plan.not_after):
        when = "" if plan.not_after == UNKNOWN else f" on {plan.not_after}"
        return f"{entry.id} was retired{when}{sure} ({said}). Choose another model."
    if plan.not_after == UNKNOWN:
        return f"{entry.id} is about to be retired on a day that is unknown ({said})."
    ends = ""
    if isinstance(plan.tuning_ends, dt.date):
        verb = "ended" if today >= plan.tuning_ends else "ends"
        ends = f", and tuning by new projects {verb} on {plan.tuning_ends}"
    return (
        f"{entry.id} is retired on {plan.not_after}{sure}{ends}; models tuned from it go with it "
        f"({said})."
    )


class Catalogue(_Entry):
    """The managed models by id, as of a day."""

    as_of: dt.date
    models: dict[str, ModelEntry]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Catalogue:
        seen: dict[str, str] = {}
        problems = []
        for entry in self.models.values():
            for name in entry.names:
                if name in seen:
                    problems.append(f"'{name}' names both {seen[name]} and {entry.id}.")
                seen[name] = entry.id
        if problems:
            raise ConfigurationError(problems)
        return self

    def find(self, model_id: str) -> ModelEntry:
        """The entry of a model.

        Args:
            model_id: Its id or an alias, with or without ``publishers/PUBLISHER/models/``.

        Raises:
            ConfigurationError: There is none; says the nearest.
        """
        parts = model_id.split("/")
        is_path = parts[0] == "publishers" and parts[2:3] == ["models"]
        name = "/".join(parts[3:]) if is_path else model_id
        names = {known: entry for entry in self.models.values() for known in entry.names}
        if name in names:
            return names[name]
        raise ConfigurationError(
            f"target: the catalogue has no model '{model_id}'.{suggestion(name, names)} Known: "
            f"{', '.join(self.models)}. If the service has it, add it in a catalogue file of your "
            "own."
        )


def load_catalogue(path: str = "") -> Catalogue:
    """Read the catalogue that ships with the package, with a user's corrections.

    Args:
        path: A YAML file with ``models``, a mapping from id to entry. The id of a known model
            replaces the values that the entry names; another id is a new model, which takes what
            its entry leaves out from the defaults of its ``engine``. Each entry says ``as_of`` and
            ``source`` for all of the model: what it leaves as it was counts as confirmed.

    Raises:
        ConfigurationError: The file cannot be read, or lists every problem in it.
    """
    shipped = yaml.safe_load(_SHIPPED.read_text(encoding="utf-8"))
    own = _read(path) if path else {}
    defaults = {name: _sourced(entry) for name, entry in shipped["defaults"].items()}
    entries = {name: _sourced(entry) for name, entry in shipped["models"].items()}
    for name, entry in own.get("models", {}).items():
        entries[name] = _merged(entries.get(name, {}), _sourced({"basis": "own", **entry}))
    source = path or _SHIPPED.name
    models = _validated_models(entries, defaults, source)
    values = {"as_of": own.get("as_of", shipped["as_of"]), "models": models}
    return validated(Catalogue, values, source=source)


def _validated_models(
    entries: dict[str, dict[str, Any]], defaults: dict[str, dict[str, Any]], source: str
) -> dict[str, ModelEntry]:
    models = {}
    problems: list[str] = []
    for name, entry in entries.items():
        values = _merged(defaults.get(str(entry.get("engine")), {}), {"id": name, **entry})
        try:
            models[name] = validated(ModelEntry, values, source=f"{source}: models.{name}")
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return models


_SHIPPED = files("tuneline.data.targets") / "catalogue.yaml"
_ORIGIN = ("as_of", "source")


def is_managed(model_id: str, path: str = "") -> bool:
    """Whether a model is to be tuned by a managed service: the catalogue has it, or it is a Gemini.

    Args:
        model_id: What the user wrote.
        path: A catalogue file of the user's.
    """
    if not model_id:
        return False
    catalogue = load_catalogue(path)
    try:
        catalogue.find(model_id)
    except ConfigurationError:
        # What is misspelt behind a known family should not be looked for on a model hub.
        names = [name for entry in catalogue.models.values() for name in entry.names]
        families = {name.split("@")[0] for name in names}
        name = model_id.rsplit("/", maxsplit=1)[-1].lower()
        return name.startswith("gemini") or model_id.split("@")[0] in families
    return True


def _read(path: str) -> dict[str, Any]:
    try:
        with fsspec.open(path, encoding="utf-8", mode="rt") as file:
            values = yaml.safe_load(file)
    except (OSError, ImportError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"catalogue: {path} cannot be read: {reason}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"catalogue: {path} is not YAML: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("models"), dict):
        raise ConfigurationError(
            f"catalogue: {path}: needs a mapping 'models' from the id of a model to its entry."
        )
    known = ("as_of", "models")
    problems = [
        f"{path}: {name}: no such setting.{suggestion(str(name), known)}"
        for name in values
        if name not in known
    ]
    for name, entry in values["models"].items():
        where = f"{path}: models.{name}"
        if not isinstance(entry, dict):
            problems.append(f"{where}: must be a mapping of values, not {reprlib.repr(entry)}.")
            continue
        problems += [
            f"{where}.{key}: is required, since every value is dated and sourced."
            for key in _ORIGIN
            if key not in entry
        ]
    if problems:
        raise ConfigurationError(problems)
    return values


def _sourced(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry, with its day and page given to the parts that name none of their own."""
    origin = {key: entry[key] for key in (*_ORIGIN, "basis") if key in entry}

    def given(value: Any) -> Any:
        return {**origin, **value} if isinstance(value, dict) else value

    sourced = dict(entry)
    for name in ("price", "retirement", "validation"):
        if name in entry:
            sourced[name] = given(entry[name])
    for name in ("media", "media_tokens"):
        if isinstance(entry.get(name), dict):
            sourced[name] = {kind: given(value) for kind, value in entry[name].items()}
    return sourced


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``under``, mapping by mapping; lists are replaced whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged
