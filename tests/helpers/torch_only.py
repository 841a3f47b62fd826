"""Computes everything by torch inside a `with` block, in this process and those it starts."""

import os
from functools import partial
from unittest.mock import patch

from recon.kernels import SWITCH

torch_only = partial(patch.dict, os.environ, {SWITCH: "0"})
