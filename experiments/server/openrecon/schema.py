"""State the rules of OpenRecon's label, version 1.1.0, and check labels by them.

The label is JSON text in an image's metadata: what the reconstruction is called, what it needs, and which parameters
the scanner's console shows. The rules are those of the schema that Siemens Healthineers publishes for it
(`https://siemens-healthineers.com/openrecon/engraving`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from recon.data.errors import InputError

MOST_PARAMETERS = 14
"""Largest number of parameters that the console shows."""

INTEGERS = (-(2**31), 2**31 - 1)
"""Smallest and largest whole number of a parameter."""

SEMANTIC_VERSION = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$"
)


def in_tenths(number: float) -> bool:
    """Return whether a number is a multiple of 0.1 as validators of JSON schemas compute it, by a division."""
    return (number / 0.1).is_integer()


def _tenths(number: float) -> float:
    if not in_tenths(number):
        raise ValueError(f"{number} is not a multiple of 0.1")
    return number


class Rules(BaseModel):
    """Base of the parts of a label: no other entries, and values of exactly the stated types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Words(BaseModel):
    """A text by language; English is required."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    en: str


class Unit(BaseModel):
    """A unit by language, of one to three letters."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    en: Annotated[str, Field(min_length=1, max_length=3)]


Integer = Annotated[int, Field(ge=INTEGERS[0], le=INTEGERS[1])]
Tenths = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_tenths)]


class Parameter(Rules):
    """What all parameters have: an identifier of letters and digits, a label, and perhaps an explanation."""

    id: Annotated[str, Field(pattern="^[A-Za-z0-9]+$")]
    label: Words
    information: Words | None = None


class BooleanParameter(Parameter):
    """A check box."""

    type: Literal["boolean"] = "boolean"
    default: bool


class StringParameter(Parameter):
    """A text."""

    type: Literal["string"] = "string"
    default: str | None = None
    isLargeText: bool | None = None  # noqa: N815 - the schema's name


class IntegerParameter(Parameter):
    """A whole number."""

    type: Literal["int"] = "int"
    minimum: Integer
    maximum: Integer
    default: Integer
    unit: Unit | None = None


class DoubleParameter(Parameter):
    """A number in steps of 0.1."""

    type: Literal["double"] = "double"
    minimum: Tenths
    maximum: Tenths
    default: Tenths
    unit: Unit | None = None


class Value(Rules):
    """One of the values of a choice."""

    id: str
    name: Words


class ChoiceParameter(Parameter):
    """A list to choose from; the default is the identifier of a value."""

    type: Literal["choice"] = "choice"
    default: str
    values: Annotated[list[Value], Field(min_length=1)]


AnyParameter = Annotated[
    BooleanParameter | StringParameter | IntegerParameter | DoubleParameter | ChoiceParameter,
    Field(discriminator="type"),
]


class Protocol(BaseModel):
    """The protocol by which the scanner talks to the image."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    protocol: Literal["ISMRMRD"] = "ISMRMRD"
    version: Literal["1.4.1"] = "1.4.1"


class ChannelCompression(Rules):
    """What the image requires of the scanner's coil compression."""

    require_state: Literal["on", "off"] | None = None
    require_number_target_channels: Annotated[int, Field(ge=1)] | None = None


class Requirements(Rules):
    """What the image needs, and where it stands in the scanner's pipeline; memory in megabytes."""

    transfer_protocol: Protocol
    port: int
    emitter: Literal["raw", "image"]
    injector: Literal["compleximage", "image"]
    can_process_adjustment_data: bool | None = None
    can_use_gpu: bool
    min_count_required_gpus: Annotated[int, Field(ge=0)] | None = None
    min_required_gpu_memory: Annotated[int, Field(ge=0)] | None = None
    min_required_memory: Annotated[int, Field(ge=0)]
    min_count_required_cpu_cores: Annotated[int, Field(ge=1)]
    content_qualification_type: Literal["PRODUCT", "SERVICE", "RESEARCH"] | None = None
    require_readout_filter_off: bool | None = None
    channel_compression: ChannelCompression | None = None


class Regulatory(Rules):
    """What a medical device must state; all entries are required, also where they are empty."""

    device_trade_name: str
    production_identifier: str
    manufacturer_address: str
    made_in: str
    manufacture_date: str
    material_number: str
    gtin: str
    udi: str
    safety_advices: str
    special_operating_instructions: str
    additional_relevant_information: str


class General(Rules):
    """Name, version and origin of the image."""

    name: Words
    version: Annotated[str, Field(pattern=SEMANTIC_VERSION)]
    vendor: str
    information: Words
    id: str
    regulatory_information: Regulatory
    license_string: str | None = None


class Label(Rules):
    """The whole label."""

    general: General
    reconstruction: Requirements
    parameters: Annotated[list[AnyParameter], Field(max_length=MOST_PARAMETERS)]

    def as_json(self) -> str:
        """Return the text of the label, without the entries that are left out."""
        return self.model_dump_json(indent=2, exclude_none=True)


def check_label(label: Any) -> Label:
    """Check a label, given as what its JSON text holds.

    Raises
    ------
    InputError
        If it breaks a rule of the schema, two parameters are the same, or a default is not one of a choice's values.
    """
    try:
        checked = Label.model_validate(label)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise InputError(
            f"the OpenRecon label breaks the schema at {place or 'the top'}: {problem['msg']}"
        ) from error
    seen: set[str] = set()
    for parameter in checked.parameters:
        if parameter.id in seen:
            raise InputError(f"the OpenRecon label has two parameters {parameter.id!r}")
        seen.add(parameter.id)
        if isinstance(parameter, ChoiceParameter) and parameter.default not in {one.id for one in parameter.values}:
            raise InputError(f"the default {parameter.default!r} of {parameter.id!r} is none of its values")
        if isinstance(parameter, IntegerParameter | DoubleParameter):
            low, high, default = parameter.minimum, parameter.maximum, parameter.default
            if not low <= default <= high:
                raise InputError(f"the default {default:g} of {parameter.id!r} is not between {low:g} and {high:g}")
    return checked
