"""What the data stage is told."""

# No postponed annotations here: pydantic needs the types of the fields at run time.
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tuneline.data.checks.rule import Severity
from tuneline.data.shapes.template import Template, TemplateError
from tuneline.data.sources.source import Purpose
from tuneline.errors import ConfigurationError
from tuneline.settings import suggestion

ShapeChoice = Literal[
    "auto",
    "prompt_completion",
    "input_output",
    "alpaca",
    "messages",
    "sharegpt",
    "contents",
    "input_text_output_text",
    "author_messages",
    "columns",
]
ExportName = Literal[
    "gemini_jsonl", "prompt_completion_jsonl", "messages_jsonl", "messages_parquet"
]


def _off(value: Any) -> Any:
    return "off" if value is False else value


def _once(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


# In YAML, a bare off is a truth value.
_Off = BeforeValidator(_off)


class Given(NamedTuple):
    """One URI that the user gave, and the proportion of training rows that it should have."""

    uri: str
    weight: float = 1.0


class PrepareSettings(BaseModel):
    """Which files to read, how their rows become examples, what to refuse, and how to split.

    Attributes:
        data: Path, glob, folder or URI (``gs://``, ``s3://``, ``https://``, ``hf://``,
            ``bq://project.dataset.table``) of JSONL, JSON, CSV, TSV, Parquet or Arrow files.
        validation_data: The user's own validation rows; empty: a share of ``data``.
        test_data: The user's own held-out test rows; empty: a share of ``data``.
        mixture: Further sources of training rows by URI, with their weights. ``data`` has weight 1;
            training rows are left out until the proportions hold, none is repeated.
        shape: The rows' shape; ``auto``: detected from the first 1,000 rows.
        prompt_template: Prompt made of named columns, such as ``"{title}: {text}"``.
        completion_template: Answer made of named columns.
        system_template: System instruction made of named columns; empty: none.
        label_column: Column that holds the class; empty: a classification's answer is its class.
        group_column: Column whose equal values stay in one split (a customer, a document).
        time_column: Column with dates or times: the newest rows are the test split, those before
            them the validation split.
        task: ``classification`` (a label set), ``generation``, or ``auto``: decided by the answers.
        labels: The only labels there may be; empty: any.
        max_rows_per_label: Most training rows of one label, chosen by hash; 0: no limit.
        validation_share: Share of ``data`` that becomes the validation split.
        test_share: Share of ``data`` that becomes the test split.
        seed: Another seed gives another split; the same seed always gives the same one.
        max_rejected_share: Share of the rows read that may be rejected before the run stops.
        rules: Severity by rule code, for rules that should not have their default.
        mask: Codes of personal data and secrets that are replaced by a placeholder.
        normalize: ``nfc`` (one form for equal characters), ``strip`` (no outer white space).
        merge_turns: Join consecutive turns of one role instead of rejecting the row.
        drop_system: Leave system instructions out.
        max_chars: Longest example in characters; 0: no limit.
        max_tokens: Longest example in tokens; 0: the target's limit, if there is a target.
        max_turns: Most turns of an example; 0: no limit.
        over_length: What happens to a longer example: ``reject``, or ``truncate`` its oldest turns.
        target: Managed model of the catalogue whose limits and price count; empty: none.
        catalogue: YAML file of models that extends or corrects the one that ships.
        tokenizer: Folder or hub id of the model whose tokenizer counts; empty: an estimate.
        epochs: Passes over the training split that the target's cost is computed for; 0: the
            service chooses, and the cost is that of one.
        near_duplicates: ``together``: prompts alike stay in one split; ``remove``: only the first
            stays; ``off``: not looked for.
        near_duplicate_threshold: Jaccard similarity from which two prompts are alike.
        exports: Further files of every split, beside the canonical ones.
        media: ``check``: files that examples refer to are looked up; ``off``: they are not.
        media_upload: URI of a folder in a bucket, where local media files are copied; empty: none.
        workers: Processes; 0: as many as the machine has cores where there is much to read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(min_length=1)
    validation_data: str = ""
    test_data: str = ""
    mixture: dict[str, float] = Field(default_factory=dict)
    shape: ShapeChoice = "auto"
    prompt_template: str = ""
    completion_template: str = ""
    system_template: str = ""
    label_column: str = ""
    group_column: str = ""
    time_column: str = ""
    task: Literal["auto", "classification", "generation"] = "auto"
    labels: list[str] = Field(default_factory=list)
    max_rows_per_label: int = Field(default=0, ge=0)
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    test_share: float = Field(default=0.2, ge=0, lt=1)
    seed: int = 0
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)
    rules: dict[str, Annotated[Severity, _Off]] = Field(default_factory=dict)
    mask: list[str] = Field(default_factory=list)
    normalize: list[Literal["nfc", "strip"]] = Field(default_factory=list)
    merge_turns: bool = False
    drop_system: bool = False
    max_chars: int = Field(default=0, ge=0)
    max_tokens: int = Field(default=0, ge=0)
    max_turns: int = Field(default=0, ge=0)
    over_length: Literal["reject", "truncate"] = "reject"
    target: str = ""
    catalogue: str = ""
    tokenizer: str = ""
    epochs: int = Field(default=0, ge=0)
    near_duplicates: Annotated[Literal["together", "remove", "off"], _Off] = "together"
    near_duplicate_threshold: float = Field(default=0.8, ge=0.5, le=1)
    exports: Annotated[list[ExportName], AfterValidator(_once)] = Field(default_factory=list)
    media: Annotated[Literal["off", "check"], _Off] = "off"
    media_upload: str = ""
    workers: int = Field(default=0, ge=0, le=256)

    @property
    def given(self) -> dict[Purpose, list[Given]]:
        """The sources by purpose, ``data``, ``validation`` and ``test``, without empty ones."""
        own = [Given(self.data), *(Given(uri, weight) for uri, weight in self.mixture.items())]
        given: dict[Purpose, list[Given]] = {
            "data": own,
            "validation": [Given(self.validation_data)],
            "test": [Given(self.test_data)],
        }
        return {purpose: uris for purpose, uris in given.items() if uris[0].uri}

    @model_validator(mode="after")
    def _gather_problems(self) -> "PrepareSettings":
        problems = [
            *self._template_problems(),
            *self._split_problems(),
            *self._source_problems(),
            *self._rule_problems(),
        ]
        if problems:
            raise ConfigurationError(problems)
        return self

    def _template_problems(self) -> list[str]:
        problems = []
        for name in ("prompt_template", "completion_template", "system_template"):
            if text := getattr(self, name):
                try:
                    Template.parse(text)
                except TemplateError as error:
                    problems.append(f"{name}: {error}")
        if bool(self.prompt_template) != bool(self.completion_template):
            missing = "completion_template" if self.prompt_template else "prompt_template"
            problems.append(f"{missing}: is missing beside the other template; give both.")
        elif self.system_template and not self.prompt_template:
            problems.append(
                "system_template: needs prompt_template and completion_template beside it."
            )
        if self.shape == "columns" and not self.prompt_template:
            problems.append("shape: columns needs prompt_template and completion_template.")
        elif self.prompt_template and self.shape not in ("auto", "columns"):
            problems.append(f"shape: {self.shape} reads no templates; leave one of them out.")
        return problems

    def _split_problems(self) -> list[str]:
        shares = (0 if self.validation_data else self.validation_share) + (
            0 if self.test_data else self.test_share
        )
        if shares < 1:
            return []
        problem = "together leave nothing to train on; keep their sum below 1."
        return [f"validation_share and test_share: {shares:g} {problem}"]

    def _source_problems(self) -> list[str]:
        problems = [
            f"mixture.{uri}: the weight must be above 0, not {weight:g}."
            for uri, weight in self.mixture.items()
            if not weight > 0
        ]
        held_out = (("validation_data", self.validation_data), ("test_data", self.test_data))
        given = [("data", self.data), *(("mixture", uri) for uri in self.mixture)]
        given += [(name, path) for name, path in held_out if path]
        for place, (name, path) in enumerate(given):
            for earlier, other in given[:place]:
                if path == other:
                    why = "" if name == "mixture" else "; held-out rows must not be trained on"
                    problems.append(f"{name}: is the same file as {earlier}{why}.")
        return problems

    def _rule_problems(self) -> list[str]:
        if not self.rules and not self.mask:
            return []
        # Imported here: the table of all rules loads what nobody who overrides none needs.
        from tuneline.data.checks.table import MASKABLE, RULES

        problems = [
            f"rules.{code}: no such rule.{suggestion(code, RULES)}"
            for code in self.rules
            if code not in RULES
        ]
        problems += [
            f"rules.{code}: must be error: {RULES[code].sentence}"
            for code, severity in self.rules.items()
            if code in RULES and RULES[code].fixed and severity != "error"
        ]
        problems += [
            f"mask: '{code}' cannot be masked.{suggestion(code, MASKABLE)}"
            for code in self.mask
            if code not in MASKABLE
        ]
        return problems


def severities(rules: Mapping[str, Severity]) -> dict[str, Severity]:
    """Severity of every rule: the given one, else the rule's default."""
    from tuneline.data.checks.table import RULES

    return {code: rules.get(code, rule.severity) for code, rule in RULES.items()}
