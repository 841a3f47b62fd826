from pathlib import Path

import numpy as np
from PIL import Image

from recon.experiments.training.record.simulation_pictures import EFFECTS, SCANS, effects, write_simulation_pictures
from recon.simulation.scanner.scan_plan import Ranges
from recon.simulation.scanner.simulator import Simulator
from recon.simulation.scanner.slices import SimulatedSlices
from recon.simulation.scanner.subject.anatomy import draw_heads


def test_every_effect_gives_a_picture_of_its_own() -> None:
    simulator = Simulator(draw_heads(1, seed=1))
    drawn = [picture for _, picture, _ in effects(simulator, np.random.default_rng(0))]
    assert all(np.isfinite(picture).all() and picture.std() > 0 for picture in drawn)
    for number, picture in enumerate(drawn):
        others = [other for other in drawn[:number] if other.shape == picture.shape]
        assert not any(np.allclose(picture, other) for other in others)


def test_both_pictures_are_written(tmp_path: Path) -> None:
    simulator = Simulator(draw_heads(1, seed=1), ranges=Ranges(matrix=(48, 64), coils=(1, 4)))
    write_simulation_pictures(tmp_path, simulator, SimulatedSlices(simulator, 3, (0, 0)))
    for name in (EFFECTS, SCANS):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 100
