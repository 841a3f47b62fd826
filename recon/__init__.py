"""Reconstructs MR images from undersampled k-space.

    import recon

    scan = recon.open("scan.h5")  # or recon.from_arrays(kspace)
    slice_ = scan[0]
    under = recon.undersample(slice_, acceleration=4)
    image = recon.reconstruct(under, "varnet")  # or recon.method("cs-wavelet", lamda=0.002)(under)
    recon.score(slice_.target, image)
    recon.show(slice_.target, image)

Importing `recon` imports nothing heavy: the names below load what they need when they are first used.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.door import (
        Acquisition,
        Header,
        Image,
        InputError,
        Method,
        Reconstruction,
        Scan,
        Stage,
        __version__,
        from_arrays,
        method,
        methods,
        open,  # noqa: A004 - always called as `recon.open`
        reconstruct,
        register,
        register_stage,
        score,
        show,
        undersample,
    )
else:

    def __getattr__(name: str) -> object:
        """Return a public name, importing it when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("recon.door"), name)

    def __dir__() -> list[str]:
        """List the public names beside what is loaded."""
        return sorted({*globals(), *__all__})


__all__ = [
    "Acquisition",
    "Header",
    "Image",
    "InputError",
    "Method",
    "Reconstruction",
    "Scan",
    "Stage",
    "__version__",
    "from_arrays",
    "method",
    "methods",
    "open",
    "reconstruct",
    "register",
    "register_stage",
    "score",
    "show",
    "undersample",
]


def _let_waiting_threads_sleep() -> None:
    """Have OpenMP's threads sleep while they wait, which torch's runtime reads from the environment as it loads."""
    if "OMP_WAIT_POLICY" in os.environ:
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    if "torch" in sys.modules:
        warnings.warn(
            "torch was imported before recon, so its threads spin while they wait: on a busy machine reconstruction "
            "may be 10 times slower; import recon first, or set the environment variable OMP_WAIT_POLICY=PASSIVE",
            RuntimeWarning,
            stacklevel=3,
        )


_let_waiting_threads_sleep()
