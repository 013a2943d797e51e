"""The kinds of values that options have: what pydantic holds them to, and the words for it in a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

EXPECTED = "expected"
"""The type of an error whose message says what was expected."""

TAG = "<"
"""Begins, in the place of an error, the name of a kind of part, which is no option."""


@dataclass(frozen=True)
class Expected:
    """Whatever is wrong with a value, the refusal says these words of what it should have been."""

    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """What pydantic asks of an annotation."""
        inner = handler(source)
        return core_schema.custom_error_schema(inner, custom_error_type=EXPECTED, custom_error_message=self.words)


@dataclass(frozen=True, eq=False)
class OneOf:
    """One of several groups of options, told apart by the value of ``by``: by the class that Hydra makes of them.

    ``kinds``: value -> options; None: those of a group without the value.
    """

    kinds: Mapping[str | None, type[BaseModel]]
    other: type[BaseModel]
    by: str = "_target_"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """What pydantic asks of an annotation."""
        kinds = {**self.kinds, "": self.other}
        choices: dict[Any, CoreSchema] = {TAG + str(name): handler.generate_schema(k) for name, k in kinds.items()}
        return core_schema.tagged_union_schema(choices, discriminator=self._kind)

    def _kind(self, value: Any) -> str:
        named = value.get(self.by) if isinstance(value, Mapping) else None
        known = isinstance(named, str | None) and named in self.kinds
        return f"{TAG}{named}" if known else TAG


class Group(BaseModel):
    """Options that stand together; each is there, and there are no others."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)


class Built(Group):
    """Options of what Hydra makes: a part of this repository, whose class takes these and no others."""

    target_: Annotated[
        str,
        Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"),
        Expected("the dotted path of a class, such as package.Class"),
    ] = Field(alias="_target_")
    convert_: Literal["none", "partial", "object", "all"] = Field(default="none", alias="_convert_")


class Part(Built):
    """A part that is made as it stands."""

    partial_: Annotated[Literal[False], Expected("false, for it is made once")] = Field(
        default=False, alias="_partial_"
    )


class Factory(Built):
    """A part that is made later and perhaps several times, once what only a run knows is there."""

    partial_: Annotated[Literal[True], Expected("true, for it is made once the data are read")] = Field(
        alias="_partial_"
    )


def _no_word_for_a_boolean(value: Any) -> Any:
    if isinstance(value, str) and value in ("yes", "no", "on", "off"):
        raise ValueError
    return value


NoWord = Annotated[Any, AfterValidator(_no_word_for_a_boolean), Expected("true or false, which yes and no are not")]


class Foreign(Part):
    """A part from elsewhere: its own class says which options there are."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, NoWord]


class ForeignFactory(Factory):
    """A factory from elsewhere."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, NoWord]


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError
    return value


def _fitting_devices(value: Any) -> Any:
    numbers = value if isinstance(value, list) else [value]
    least = 0 if isinstance(value, list) else 1
    if not numbers or not all(type(number) is int and number >= least for number in numbers):
        raise ValueError
    return value


def _different(value: list[int]) -> list[int]:
    if not value or len(set(value)) < len(value):
        raise ValueError
    return value


def _keys_of_one_kind(value: Any) -> Any:
    """A configuration is hashed with its keys sorted, which numbers and texts cannot be together."""
    if isinstance(value, Mapping) and len({isinstance(key, str) for key in value}) > 1:
        raise ValueError
    return value


def _single(value: Any) -> Any:
    if not all(isinstance(one, str | int | float) for one in (value if isinstance(value, list) else [value])):
        raise ValueError
    return value


Whole = Annotated[int, Field(ge=0), Expected("a whole number from 0")]
Count = Annotated[int, Field(ge=1), Expected("a whole number from 1")]
UpToThousand = Annotated[int, Field(ge=1, le=1000), Expected("a whole number from 1 to 1000")]
Trials = Annotated[int, Field(ge=1, le=100_000), Expected("a whole number from 1 to 100000")]
OddCount = Annotated[int, Field(ge=1), AfterValidator(_odd), Expected("an odd whole number from 1")]
Seed = Annotated[int, Field(ge=0, lt=2**32), Expected("a whole number from 0 to 4294967295")]
Place = Annotated[int | None, Expected("a whole number, or null")]
Seeds = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**32)]],
    AfterValidator(_different),
    Expected("a list of different whole numbers from 0, such as [1,2,3]"),
]
OptionalSeeds = Annotated[Seeds | None, Expected("a list of different whole numbers, such as [1,2,3], or null")]
OptionalCount = Annotated[Count | None, Expected("a whole number from 1, or null")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), Expected("a number above 0")]
OptionalPositive = Annotated[Positive | None, Expected("a number above 0, or null")]
FromZero = Annotated[float, Field(ge=0, allow_inf_nan=False), Expected("a number from 0")]
Share = Annotated[float, Field(ge=0, le=1), Expected("a number from 0 to 1")]
Rate = Annotated[float, Field(ge=0, lt=1), Expected("a number from 0 to below 1")]
OptionalFolds = Annotated[
    Annotated[int, Field(ge=2, le=1000)] | None, Expected("a whole number from 2 to 1000, or null")
]
OptionalFraction = Annotated[
    Annotated[float, Field(gt=0, lt=1)] | None, Expected("a number above 0 and below 1, or null")
]
Switch = Annotated[bool, Expected("true or false")]
Text = Annotated[str, Field(min_length=1), Expected("a text; put what is read as a number in quotes")]
OptionalText = Annotated[Text | None, Expected("a text, or null; put what is read as a number in quotes")]
AnyText = Annotated[str, Expected("a text")]
Texts = Annotated[list[Text], Expected("a list of texts, such as [a,b]")]
OptionalTexts = Annotated[Texts | None, Expected("a list of texts, such as [a,b], or null")]
Columns = Annotated[
    dict[str, Text] | None, Expected("columns by the names that the task has for them, such as {text:review}, or null")
]
Excluded = Annotated[
    dict[str, Annotated[Any, AfterValidator(_single)]] | None,
    Expected("values to leave out by column, such as {label:[oos]}, or null"),
]
ClassWeights = Annotated[
    Literal["none", "balanced"] | dict[bool | int | float | str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
    AfterValidator(_keys_of_one_kind),
    Expected("none, balanced, or weights above 0 by label, such as {spam: 5}, where all labels are texts or numbers"),
]
Range = Annotated[
    Annotated[list[Count], Field(min_length=2, max_length=2)], Expected("the shortest and the longest, such as [1,2]")
]
OptionalRange = Annotated[Range | None, Expected("the shortest and the longest, such as [2,5], or null")]
Devices = Annotated[
    Any,
    AfterValidator(_fitting_devices),
    Expected("a whole number from 1 or a list of devices such as [0,1]: say how many"),
]
Amount = Annotated[float, Field(gt=0), Expected("a share of the batches (0.5) or how many (10)")]
Unchecked = Any
"""Read, and refused, by what uses it alone."""

PathText = Annotated[str, Field(min_length=1), Expected("a path; put what is read as a number in quotes")]
OptionalPath = Annotated[PathText | None, Expected("a path, or null; put what is read as a number in quotes")]
OptionalContent = Annotated[
    Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None, Expected("a SHA-256 in 64 hexadecimal digits, or null")
]
Options = Annotated[dict[str, Any], Expected("options by name, such as {a:1}")]
OptionalOptions = Annotated[Options | None, Expected("options by name, such as {a:1}, or null")]

Normalizer = Literal["softmax", "sparsemax", "entmax15", "sigmoid"]
Score = Literal["dot", "general", "additive"]
Join = Literal["residual", "sum", "gain", "zero_gain", "mapped", "projection"]
Symbols = Literal["bpe", "characters", "words"]
UnicodeForm = Literal["nfc", "nfkc", "none"]
