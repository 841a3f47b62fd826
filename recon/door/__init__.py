"""Defines what `import recon` offers; the root loads it when a name is first used."""

from recon.contract import Reconstruction
from recon.data.acquisition import Acquisition, Header
from recon.data.errors import InputError
from recon.data.versions import own_version
from recon.door.comparison import score, show
from recon.door.image import Image
from recon.door.reconstruction import Method, method, methods, reconstruct
from recon.door.scan import Scan, from_arrays, open, undersample  # noqa: A004 - always called as `recon.open`
from recon.postprocessing.stage import Stage
from recon.registry import register, register_stage

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

__version__ = own_version()
