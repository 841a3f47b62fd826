"""The viewer works in a browser, from disk: panes scroll, change their window and measure together."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from helpers.comparison import make_comparison, make_score
from helpers.programs.browser import CHROMIUM, act
from helpers.scans.volumes import kspace_3d, object_3d, write_3d
from recon.data.open import open_volume
from recon.experiments.engine.sampled_volume import SampledVolume
from recon.experiments.report.page import write_report
from recon.experiments.report.pictures.panels import SliceComparison
from recon.experiments.report.viewer.volume import Budget
from recon.fourier import fft
from recon.preprocessing.full_scan import with_target

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on the PATH, so no browser opens the viewer."),
]

SIZE = (24, 32)
SHADES = 0.02
"""Standard deviation of the pixels of the second method, as a share of white."""

HANDS = """
const section = document.querySelectorAll(".slice")[NUMBER], viewer = section.querySelector(".viewer");
const find = (name) => viewer.querySelector(`[name="${name}"]`);
const text = (name) => viewer.querySelector(name).textContent;
const figures = () => [...viewer.querySelectorAll(".panes figure")];
const state = () => ({
  where: text(".where"), window: text(".window"), region: text(".region"), status: text(".status"),
  panes: figures().map((pane) => ({ ...pane.dataset, statistics: pane.querySelector("output").textContent })),
});
const put = (name, value) => { find(name).value = value; find(name).dispatchEvent(new Event("input")); };
const drag = (number, button, from, to) => {
  const canvas = viewer.querySelectorAll("canvas")[number], box = canvas.getBoundingClientRect();
  const at = (kind, [x, y], buttons) => canvas.dispatchEvent(new MouseEvent(kind, {
    bubbles: true, cancelable: true, view: window, button, buttons,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height,
  }));
  const pressed = button ? 2 : 1, between = (share) => from.map((start, axis) => start + share * (to[axis] - start));
  at("mousedown", from, pressed);
  for (const share of [0.25, 0.5, 1]) at("mousemove", between(share), pressed);
  at("mouseup", to, 0);
};
const wheel = (number, deltaY) => {
  const canvas = viewer.querySelectorAll("canvas")[number], box = canvas.getBoundingClientRect();
  const place = { clientX: box.left + 9, clientY: box.top + 9 };
  canvas.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, deltaY, ...place }));
};
const middle = (number) => {
  const drawn = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const canvas = viewer.querySelectorAll("canvas")[number];
  drawn.drawImage(canvas, canvas.width / 2, canvas.height / 2, 1, 1, 0, 0, 1, 1);
  return [...drawn.getImageData(0, 0, 1, 1).data];
};
const ready = () => until(() => figures().length > 1 && viewer.querySelector(".status").textContent === "");
section.querySelector(".open").click();
await ready();
"""

STACK = """
found.first = state();
put("place", 4);
found.moved = state();
wheel(1, -100);
found.wheeled = state();
found.colours = [0, 3].map((place) => { put("place", place); return middle(0); });
drag(2, 2, [0.4, 0.4], [0.5, 0.6]);
found.windowed = state();
viewer.querySelector("canvas").dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
drag(1, 0, [0.1, 0.1], [0.35, 0.4]);
found.corner = state();
drag(1, 0, [0.6, 0.6], [0.85, 0.9]);
found.measured = state();
put("place", 1);
found.elsewhere = state();
find("errors").click();
await until(() => viewer.querySelectorAll('[data-errors="shown"]').length === 2);
found.errors = state();
found.fits = document.documentElement.scrollWidth <= innerWidth;
const words = [...viewer.querySelectorAll("label, span, output, figcaption, .legend")];
found.sizes = words.map((element) => parseFloat(getComputedStyle(element).fontSize));
viewer.querySelectorAll('[name="shown"]')[0].click();
await until(() => figures().length === 2);
found.fewer = state();
find("reset").click();
find("close").click();
found.closed = [viewer.hidden, viewer.querySelectorAll("canvas").length];
"""


def scan_of(folder: Path, images: NDArray[np.float32], axes: str) -> SampledVolume:
    """Write the full k-space of images as seen by two equal coils, and open it with its target."""
    path = folder / f"scan{images.ndim}.npy"
    images = images + np.random.default_rng(0).uniform(0, 1e-4, images.shape).astype(np.float32)
    kspace = fft(torch.from_numpy(images / np.sqrt(2)).to(torch.complex64))
    np.save(path, torch.stack([kspace, kspace], dim=-3).numpy())
    return SampledVolume(with_target(open_volume(path, axes=axes)))


def volume_of(folder: Path) -> SampledVolume:
    kspace, _ = kspace_3d(object_3d((10, *SIZE)), 2)
    path, _ = write_3d(folder / "head.mrd", kspace, (10, *SIZE), voxel=(2.0, 1.0, 1.0))
    return SampledVolume(with_target(open_volume(path)))


def compare(scan: SampledVolume, index: int) -> SliceComparison:
    """Compare a target with shades, alternately brighter and darker, and with a bright corner at the top left."""
    target = scan.volume.read_target()
    assert target is not None
    white = float(target[index].max())
    shades, corner = target.copy(), target.copy()
    shades += np.float32(SHADES * white) * (-1) ** np.indices(target.shape).sum(0)
    corner[..., : SIZE[0] // 2, : SIZE[1] // 2] *= 1.5
    images = {"shades": shades, "corner": corner}
    comparison = make_comparison(
        target=target[index],
        images={name: image[index] for name, image in images.items()},
        scores={name: make_score(method=name) for name in images},
    )
    return replace(comparison, viewer=Budget(10**8, 1).encode(scan, images, index, comparison.size, white))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("viewer")
    levels = np.linspace(0.4, 1, 6, dtype=np.float32)[:, None, None] * np.ones(SIZE, np.float32)
    stack = scan_of(folder, levels, "slices coils readout phase")
    series = scan_of(folder, np.stack([levels[:2], levels[2:4], levels[4:]]), "frames slices coils readout phase")
    comparisons = [compare(stack, 3), compare(series, 2), compare(volume_of(folder), 4)]
    assert all(comparison.viewer for comparison in comparisons)
    write_report(folder, (), comparisons, {"methods": {}}, ())
    return folder / "report.html"


def hands(number: int) -> str:
    return HANDS.replace("NUMBER", str(number))


@pytest.fixture(scope="module", params=[800, 1280])
def stack(request: pytest.FixtureRequest, page: Path) -> dict[str, Any]:
    found, problems = act(page, page.parent, hands(0) + STACK, request.param)
    assert not problems
    return found


def common(state: dict[str, Any], name: str) -> Any:
    """Return what all panes have in common."""
    (value,) = {pane[name] for pane in state["panes"]}
    return value


def test_the_slice_of_the_pictures_is_shown_first(stack: dict[str, Any]) -> None:
    assert stack["first"]["where"] == "slice 3"
    assert stack["first"]["window"] == "0 to 100"
    assert [pane["name"] for pane in stack["first"]["panes"]] == ["target", "shades", "corner"]


def test_all_panes_scroll_together(stack: dict[str, Any]) -> None:
    assert stack["moved"]["where"] == "slice 4"
    assert stack["wheeled"]["where"] == "slice 3"
    for name, place in (("first", 3), ("moved", 4), ("wheeled", 3)):
        assert common(stack[name], "voxel").split(",")[2] == str(place)


def test_the_pixels_have_the_shades_of_their_slice(stack: dict[str, Any]) -> None:
    np.testing.assert_allclose(stack["colours"], [[255 * 0.4 / 0.76] * 3 + [255], [255] * 4], atol=3)


def test_the_mouse_changes_the_window_of_all_panes(stack: dict[str, Any]) -> None:
    windowed, first = stack["windowed"], stack["first"]
    assert windowed["window"] != first["window"]
    assert windowed["region"] == "none"
    assert (common(windowed, "low"), common(windowed, "high")) != (common(first, "low"), common(first, "high"))
    assert stack["corner"]["window"] == "0 to 100"


def test_a_region_is_measured_in_every_pane(stack: dict[str, Any]) -> None:
    level = 100 * 0.76 / 0.76
    measured = {pane["name"]: pane["statistics"] for pane in stack["measured"]["panes"]}
    columns, rows = (int(number) for number in re.findall(r"\d+", stack["measured"]["region"]))
    assert abs(columns - 0.25 * SIZE[1]) <= 1
    assert abs(rows - 0.3 * SIZE[0]) <= 1
    assert measured["target"] == measured["corner"] == f"mean {level:.1f} · SD 0.00 · SNR ∞"
    mean, deviation, ratio = map(float, re.findall(r"[\d.]+", measured["shades"]))
    assert mean == pytest.approx(level, abs=0.3)
    assert deviation == pytest.approx(100 * SHADES, abs=0.15)
    assert ratio == pytest.approx(mean / deviation, rel=0.01)


def test_rows_run_downwards_as_in_the_pictures(stack: dict[str, Any]) -> None:
    means = {pane["name"]: float(pane["statistics"].split()[1]) for pane in stack["corner"]["panes"]}
    assert means["corner"] == pytest.approx(1.5 * means["target"], rel=0.01)


def test_the_region_follows_to_other_slices(stack: dict[str, Any]) -> None:
    target, *_ = stack["elsewhere"]["panes"]
    assert float(target["statistics"].split()[1]) == pytest.approx(100 * 0.52 / 0.76, abs=0.3)
    assert stack["elsewhere"]["region"] == stack["measured"]["region"]


def test_errors_lie_over_the_methods_but_not_over_the_target(stack: dict[str, Any]) -> None:
    assert [pane.get("errors") for pane in stack["errors"]["panes"]] == [None, "shown", "shown"]


def test_methods_can_be_left_out_and_closing_frees_all_panes(stack: dict[str, Any]) -> None:
    assert [pane["name"] for pane in stack["fewer"]["panes"]] == ["shades", "corner"]
    assert stack["closed"] == [True, 0]


def test_the_page_fits_the_window_and_its_text_is_readable(stack: dict[str, Any]) -> None:
    assert stack["fits"]
    assert min(stack["sizes"]) >= 12


def test_frames_move_in_all_panes(page: Path) -> None:
    script = 'found.first = state(); put("frame", 2); found.later = state(); put("place", 1); found.last = state();'
    found, problems = act(page, page.parent, hands(1) + script)
    assert not problems
    assert found["first"]["where"] == "slice 0, frame 1"
    assert found["later"]["where"] == "slice 0, frame 2"
    assert found["last"]["where"] == "slice 1, frame 2"
    assert common(found["last"], "frame") == "2"


def test_volumes_are_cut_along_three_planes(page: Path) -> None:
    script = """
    found.axial = state(); put("plane", "coronal"); put("place", 2); found.coronal = state();
    drag(1, 0, [0.4, 0.4], [0.6, 0.6]); found.measured = state(); put("plane", "all"); found.all = state();
    """
    found, problems = act(page, page.parent, hands(2) + script)
    assert not problems
    assert found["axial"]["where"].startswith("axial ")
    assert found["coronal"]["where"] == "coronal 2"
    assert common(found["coronal"], "voxel").split(",")[1] == "2"
    assert found["measured"]["region"].startswith("coronal 2, ")
    assert re.fullmatch(r"axial \d+, coronal \d+, sagittal \d+", found["all"]["where"])


def test_without_webgl_the_pictures_remain_and_the_page_says_why(page: Path) -> None:
    script = """
    HTMLCanvasElement.prototype.getContext = () => null;
    const section = document.querySelector(".slice"), status = section.querySelector(".status");
    section.querySelector(".open").click();
    await until(() => status.textContent.includes("WebGL"));
    found.status = status.textContent;
    found.pictures = section.querySelectorAll(".strip img").length;
    """
    found, problems = act(page, page.parent, script)
    assert not problems
    assert "this browser has no WebGL 2" in found["status"]
    assert found["pictures"] > 3
