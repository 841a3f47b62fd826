"""Write the label of an OpenRecon image: what it is, what it needs, and the console's parameters."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from recon.data.errors import InputError
from recon.data.versions import own_version
from recon.experiments.server.openrecon.parameters import parameters_of
from recon.experiments.server.openrecon.schema import (
    General,
    Label,
    Protocol,
    Regulatory,
    Requirements,
    Words,
    check_label,
)

PORT = 9002
"""Port on which the image listens."""

LABEL_KEY = "com.siemens-healthineers.magneticresonance.openrecon.metadata:1.1.0"
"""Name of the image's metadata that holds the label, in base64."""

MEMORY = 8192
"""Memory that the image needs, in megabytes."""

CORES = 2

USE = "Research use only; not for diagnostic use."


@dataclass(frozen=True)
class Product:
    """Name and origin of an image.

    Attributes
    ----------
    name, vendor
        Letters, digits, dots and hyphens, because the names of images and archives contain them.
    address, country
        Address of the manufacturer, and where the image was made; empty if it is nobody's product.
    """

    name: str = "unrolled-recon"
    vendor: str = "unrolled-recon"
    address: str = ""
    country: str = ""

    def __post_init__(self) -> None:
        for word in (self.name, self.vendor):
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?", word):
                raise InputError(f"{word!r} is no name of an image: use up to 64 letters, digits, dots and hyphens")

    @property
    def archive(self) -> str:
        """Name that the scanner expects of the archive with the image, without a suffix."""
        return f"OpenRecon_{self.vendor}_{self.name}_V{own_version()}"

    @property
    def image(self) -> str:
        """Name and tag of the image."""
        return f"openrecon_{self.vendor}_{self.name}:v{own_version()}".lower()


def make_label(product: Product, methods: Sequence[str], settings: Iterable[str] | None, made: date) -> Label:
    """Make a label, and check it by the schema.

    Parameters
    ----------
    product
        Name and origin of the image.
    methods, settings
        As in `parameters_of`.
    made
        Date of manufacture.

    Raises
    ------
    InputError
        If a method or setting is unknown, or the console cannot show as many parameters.
    """
    version = own_version()
    general = General(
        name=Words(en=product.name),
        version=version,
        vendor=product.vendor,
        information=Words(en=f"MR image reconstruction from undersampled raw data. {USE}"),
        id=product.name,
        regulatory_information=Regulatory(
            device_trade_name=product.name,
            production_identifier=version,
            manufacturer_address=product.address,
            made_in=product.country,
            manufacture_date=f"{made:%Y/%m/%d}",
            material_number=f"{product.name}_{version}",
            gtin="",
            udi="",
            safety_advices=USE,
            special_operating_instructions="",
            additional_relevant_information="",
        ),
    )
    reconstruction = Requirements(
        transfer_protocol=Protocol(),
        port=PORT,
        emitter="raw",
        injector="image",
        can_process_adjustment_data=False,
        can_use_gpu=False,
        min_count_required_gpus=0,
        min_required_gpu_memory=0,
        min_required_memory=MEMORY,
        min_count_required_cpu_cores=CORES,
        content_qualification_type="RESEARCH",
    )
    label = Label(general=general, reconstruction=reconstruction, parameters=parameters_of(methods, settings))
    return check_label(label.model_dump(exclude_none=True))


def encoded(label: Label) -> str:
    """Return the label as the metadata of an image holds it."""
    return base64.b64encode(label.as_json().encode()).decode()
