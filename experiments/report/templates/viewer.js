// The viewer: one NiiVue pane for each method, which scroll, zoom and change their window together.
(() => {
  const WHITE = {{ levels }}, FAINT = 0.02, BRIGHT = 1 / {{ error_gain }}, MOST = 12, FIRST = 8;
  const AXES = { axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] };  // across, up, through
  let library = null, shut = () => {};

  const inflate = async (id, format) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (letter) => letter.charCodeAt(0));
    return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format))).arrayBuffer());
  };

  const load = async () => {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(await inflate("niivue", "gzip"));
    document.head.append(script);
    return window.niivue;
  };

  // Undoes recon.experiments.report.viewer.encoding.compress.
  const decode = (bytes, [frames, places, rows, columns]) => {
    const steps = new Uint16Array(frames * places * rows * columns);
    let at = 0;
    for (let image = 0; image < frames * places; image++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++, at++) {
          const left = column ? steps[at - 1] : 0, above = row ? steps[at - columns] : 0;
          const plane = left + above - (column && row ? steps[at - columns - 1] : 0);
          const predicted = Math.max(Math.min(left, above), Math.min(Math.max(left, above), plane));
          const folded = bytes[at] | (bytes[at + steps.length] << 8);
          steps[at] = predicted + (folded & 1 ? -((folded + 1) >> 1) : folded >> 1);
        }
    return steps;
  };

  const asVolume = (steps, { shape: [frames, places, rows, columns], affine }, settings) => {
    const size = [0, 1, 2].map((axis) => Math.hypot(affine[0][axis], affine[1][axis], affine[2][axis]));
    const bytes = niivue.NVImage.createNiftiArray([columns, rows, places, frames], [...size, 1], affine.flat(), 512, steps);
    return niivue.NVImage.loadFromUrl({ url: bytes, name: "images.nii", trustCalMinMax: true, ...settings });
  };

  const open = async (section) => {
    shut();
    const about = JSON.parse(section.querySelector(".about").textContent), [frames, places, rows, columns] = about.shape;
    const viewer = section.querySelector(".viewer"), find = (name) => viewer.querySelector(`[name="${name}"]`);
    const say = (text) => { viewer.querySelector(".status").textContent = text; };
    const held = new Map(), panes = new Map();
    let frame = about.shown[0], region = null, linking = false, closed = false, queue = Promise.resolve();
    viewer.hidden = false;
    section.querySelector(".viewing").hidden = true;
    shut = () => {
      closed = true;
      for (const pane of [...panes.values()]) remove(pane);
      viewer.hidden = true;
      section.querySelector(".viewing").hidden = false;
      for (const control of viewer.querySelectorAll("[name]")) control.oninput = control.onclick = null;
      shut = () => {};
    };

    const plane = () => find("plane")?.value ?? "axial";
    const crossed = () => AXES[plane()] ?? AXES.axial;
    const some = () => panes.values().next().value;
    const size = () => some().nv.volumes[0].dimsRAS.slice(1, 4);
    const voxel = ({ nv }) => size().map((count, axis) => Math.min(count - 1, Math.max(0, Math.floor(nv.scene.crosshairPos[axis] * count))));

    // Returns the index of a voxel of the pane's axes in the images as they are stored.
    const locate = (volume) => {
      const counts = volume.hdr.dims.slice(1, 4), strides = [1, counts[0], counts[0] * counts[1]];
      return (where, frame) => volume.permRAS.reduce((sum, axis, number) => {
        const own = Math.abs(axis) - 1;
        return sum + strides[own] * (axis < 0 ? counts[own] - 1 - where[number] : where[number]);
      }, frame * counts[0] * counts[1] * counts[2]);
    };

    const inside = function* (low, high) {
      for (let z = low[2]; z <= high[2]; z++) for (let y = low[1]; y <= high[1]; y++) for (let x = low[0]; x <= high[0]; x++) yield [x, y, z];
    };
    const replaced = (list, axis, value) => list.map((old, number) => (number === axis ? value : old));

    const measure = (pane) => {
      const through = AXES[region.plane][2], at = region.slice ?? voxel(pane)[through], [volume] = pane.nv.volumes, index = locate(volume);
      const values = [...inside(replaced(region.low, through, at), replaced(region.high, through, at))].map((where) => (100 * volume.img[index(where, frame)]) / WHITE);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
      return { mean, deviation };
    };

    // Draws the border of the region, in all slices of a stack; NiiVue draws below the errors, which therefore leave it out.
    const outline = (pane) => {
      const { nv } = pane, counts = size(), [, errors] = nv.volumes;
      for (const [index, value] of pane.covered) errors.img[index] = value;
      pane.covered.clear();
      if (region) {
        const [first, second, through] = AXES[region.plane], index = locate(nv.volumes[0]);
        nv.createEmptyDrawing();
        const width = Math.ceil(Math.max(...counts) / 160);
        const [from, to] = [region.slice ?? 0, region.slice ?? counts[through] - 1];
        for (const where of inside(replaced(region.low, through, from), replaced(region.high, through, to))) {
          if ([first, second].every((axis) => Math.min(where[axis] - region.low[axis], region.high[axis] - where[axis]) >= width)) continue;
          nv.drawBitmap[where[0] + counts[0] * (where[1] + counts[1] * where[2])] = 1;
          for (let moment = 0; errors && moment < frames; moment++) {
            const stored = index(where, moment);
            pane.covered.set(stored, errors.img[stored]);
            errors.img[stored] = 0;
          }
        }
        nv.refreshDrawing(true);
      } else nv.closeDrawing();
      if (errors) nv.updateGLVolume();
    };

    // Shows where the panes are, and what lies in the region.
    const report = () => {
      if (!panes.size) return;
      const at = voxel(some()), through = crossed()[2], count = size()[through], [image] = some().nv.volumes;
      const place = find("place"), moving = find("frame");
      place.max = count - 1;
      place.value = at[through];
      place.disabled = count < 2;
      const planes = AXES[plane()] ? [plane()] : Object.keys(AXES);
      const where = about.volumetric ? planes.map((name) => `${name} ${at[AXES[name][2]]}`) : [about.labels[frame][at[2]]];
      if (about.volumetric && frames > 1) where.push(about.labels[frame][0].replace(/^[^,]*, /, ""));
      viewer.querySelector(".where").textContent = where.join(", ");
      if (moving) moving.value = frame;
      viewer.querySelector(".window").textContent = [image.cal_min, image.cal_max].map((level) => Math.round((100 * level) / WHITE)).join(" to ");
      viewer.querySelector(".region").textContent = region ? `${region.slice === null ? "" : `${region.plane} ${region.slice}, `}${AXES[region.plane].slice(0, 2).map((axis) => region.high[axis] - region.low[axis] + 1).join(" × ")} pixels` : "none";
      for (const pane of panes.values()) {
        const { mean, deviation } = region ? measure(pane) : {};
        pane.statistics.textContent = region ? `mean ${mean.toFixed(1)} · SD ${deviation.toFixed(2)} · SNR ${deviation ? (mean / deviation).toFixed(1) : "∞"}` : "";
        const [volume] = pane.nv.volumes;
        Object.assign(pane.element.dataset, { voxel: voxel(pane).join(), frame: volume.frame4D, low: volume.cal_min, high: volume.cal_max });
      }
    };

    // Brings all panes to where one of them is.
    const link = ({ nv }) => {
      if (linking || closed) return;
      linking = true;
      const [image] = nv.volumes;
      for (const { nv: other } of panes.values()) {
        if (other === nv) continue;
        other.scene.crosshairPos = [...nv.scene.crosshairPos];
        other.scene.pan2Dxyzmm = [...nv.scene.pan2Dxyzmm];
        const [own] = other.volumes;
        if (own.cal_min !== image.cal_min || own.cal_max !== image.cal_max) {
          [own.cal_min, own.cal_max] = [image.cal_min, image.cal_max];
          other.updateGLVolume();
        } else other.drawScene();
      }
      linking = false;
      report();
    };

    const turn = (pane) => {
      const { nv } = pane;
      nv.setSliceType({ axial: nv.sliceTypeAxial, coronal: nv.sliceTypeCoronal, sagittal: nv.sliceTypeSagittal, all: nv.sliceTypeMultiplanar }[plane()]);
    };
    const move = (axis, number) => {
      const pane = some();
      pane.nv.scene.crosshairPos[axis] = (number + 0.5) / size()[axis];
      pane.nv.drawScene();
      link(pane);
    };
    const expose = (low, high) => {
      const pane = some();
      [pane.nv.volumes[0].cal_min, pane.nv.volumes[0].cal_max] = [low, high];
      pane.nv.updateGLVolume();
      link(pane);
    };
    const select = (found) => {
      region = found;
      panes.forEach(outline);
      report();
    };
    const show = (number) => {
      frame = number;
      for (const { nv } of panes.values()) for (const volume of nv.volumes) nv.setFrame4D(volume.id, frame);
      report();
    };

    const released = (pane, { fracStart, fracEnd, axCorSag }) => {
      const name = ["axial", "coronal", "sagittal"][axCorSag];
      if (!name) return;
      const counts = size(), [low, high] = [Math.min, Math.max].map((extreme) => counts.map((count, axis) => Math.min(count - 1, Math.max(0, Math.floor(extreme(fracStart[axis], fracEnd[axis]) * count)))));
      if (AXES[name].slice(0, 2).some((axis) => high[axis] - low[axis] < 1)) {
        if (about.volumetric) pane.nv.scene.crosshairPos = [...fracEnd];
        pane.nv.drawScene();
        return link(pane);
      }
      const through = AXES[name][2];
      select({ plane: name, low, high, slice: about.volumetric ? voxel(pane)[through] : null });
    };

    const steps = async (name) => {
      if (!held.has(name)) held.set(name, decode(await inflate(about.volumes[name], "deflate"), about.shape));
      return held.get(name);
    };

    const cover = async (pane) => {
      const wanted = find("errors")?.checked && pane.name !== "target", { nv } = pane;
      if (wanted && nv.volumes.length < 2) {
        const [image, target] = await Promise.all([steps(pane.name), steps("target")]);
        const overlay = await asVolume(image.map((step, at) => Math.abs(step - target[at])), about, { colormap: "magma", cal_min: FAINT * WHITE, cal_max: BRIGHT * WHITE });
        if (closed) return;
        overlay.colormapType = 1;  // transparent below the smallest error
        nv.addVolume(overlay);
        nv.setFrame4D(overlay.id, frame);
        outline(pane);
      }
      if (nv.volumes.length > 1) {
        nv.setOpacity(1, wanted ? 0.85 : 0);
        pane.element.dataset.errors = wanted ? "shown" : "hidden";
      }
    };

    const add = async (name) => {
      const element = document.createElement("figure");
      element.innerHTML = '<figcaption></figcaption><div><canvas></canvas></div><output></output>';
      element.querySelector("figcaption").textContent = name;
      element.querySelector("div").style.aspectRatio = about.volumetric ? "1" : `${columns} / ${rows}`;
      element.dataset.name = name;
      const before = [...panes.values()].find((pane) => about.names.indexOf(pane.name) > about.names.indexOf(name));
      viewer.querySelector(".panes").insertBefore(element, before?.element ?? null);
      const canvas = element.querySelector("canvas"), first = some();
      const { DRAG_MODE, Niivue } = niivue;
      const nv = new Niivue({
        backColor: [0, 0, 0, 1], loadingText: "", logLevel: "error", dragAndDropEnabled: false, multiplanarShowRender: 0,
        crosshairWidth: about.volumetric ? 0.4 : 0, crosshairWidthUnit: "percent", crosshairColor: [0.45, 0.7, 1, 0.7], isOrientationTextVisible: about.oriented, selectionBoxColor: [1, 0.3, 0.3, 0.35],
        viewModeHotKey: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "", drawOpacity: 1,
      });
      nv.setMouseEventConfig({
        leftButton: { primary: DRAG_MODE.callbackOnly, withShift: DRAG_MODE.pan, withCtrl: DRAG_MODE.windowing },
        rightButton: DRAG_MODE.windowing, centerButton: DRAG_MODE.pan,
      });
      const pane = { name, nv, element, canvas, statistics: element.querySelector("output"), covered: new Map() };
      await nv.attachToCanvas(canvas);
      nv.addVolume(await asVolume(await steps(name), about, { colormap: "gray", cal_min: 0, cal_max: WHITE }));
      panes.set(name, pane);
      if (closed) return remove(pane);
      turn(pane);
      if (first) Object.assign(nv.scene, { crosshairPos: [...first.nv.scene.crosshairPos], pan2Dxyzmm: [...first.nv.scene.pan2Dxyzmm] });
      else {
        const [image] = nv.volumes, start = [0.5, 0.5, 0.5];
        const axis = image.permRAS.findIndex((own) => Math.abs(own) === 3);
        const number = image.permRAS[axis] < 0 ? places - 1 - about.shown[1] : about.shown[1];
        start[axis] = (number + 0.5) / places;
        nv.scene.crosshairPos = start;
      }
      nv.setFrame4D(nv.volumes[0].id, frame);
      nv.onLocationChange = () => link(pane);
      let plain = false;
      canvas.addEventListener("mousedown", (event) => { plain = event.button === 0 && !event.shiftKey && !event.ctrlKey; }, true);
      nv.onDragRelease = (drag) => { if (plain) released(pane, drag); };
      for (const name of ["mousemove", "touchmove"]) canvas.addEventListener(name, (event) => { if (event.buttons !== 0) link(pane); });
      for (const name of ["wheel", "mouseup", "touchend", "keydown"]) canvas.addEventListener(name, () => link(pane));
      canvas.addEventListener("dblclick", () => expose(0, WHITE));
      if (region) outline(pane);
      await cover(pane);
      nv.drawScene();
    };
    const remove = (pane) => {
      panes.delete(pane.name);
      pane.nv.cleanup();
      pane.nv.gl.getExtension("WEBGL_lose_context")?.loseContext();
      pane.element.remove();
    };

    // Browsers limit the number of panes: each needs a graphics context of its own.
    const choose = async () => {
      const boxes = [...viewer.querySelectorAll('[name="shown"]')], chosen = boxes.filter((box) => box.checked);
      for (const box of boxes) box.disabled = !box.checked ? chosen.length >= MOST : chosen.length < 2;
      for (const pane of [...panes.values()]) if (!chosen.some((box) => box.value === pane.name)) remove(pane);
      viewer.style.setProperty("--panes", Math.min(chosen.length, chosen.length > 4 ? Math.ceil(chosen.length / 2) : 4));
      for (const box of chosen) if (!closed && !panes.has(box.value)) await add(box.value);
      if (!closed && panes.size) link(some());
    };

    for (const [number, box] of viewer.querySelectorAll('[name="shown"]').entries()) {
      box.checked = number < FIRST;
      box.oninput = () => { queue = queue.then(choose); };
    }
    find("place").oninput = () => move(crossed()[2], find("place").valueAsNumber);
    if (find("frame")) find("frame").oninput = () => show(find("frame").valueAsNumber);
    if (find("plane")) find("plane").oninput = () => { panes.forEach(turn); link(some()); };
    if (find("errors")) find("errors").oninput = () => { queue = queue.then(async () => { for (const pane of panes.values()) await cover(pane); report(); }); };
    find("reset").onclick = () => {
      for (const { nv } of panes.values()) nv.scene.pan2Dxyzmm = [0, 0, 0, 1];
      expose(0, WHITE);
      select(null);
    };
    find("close").onclick = () => { shut(); section.querySelector(".open").focus(); };

    say("opening …");
    try {
      if (!document.createElement("canvas").getContext("webgl2")) throw new Error("this browser has no WebGL 2");
      await (library ??= load());
      await choose();
      if (!closed) say("");
    } catch (error) {
      for (const pane of [...panes.values()]) pane.element.remove();
      panes.clear();
      say(`The viewer cannot be shown (${error.message}). The pictures below need nothing but an image viewer.`);
    }
  };

  for (const button of document.querySelectorAll(".slice .open")) button.addEventListener("click", () => open(button.closest(".slice")));
})();
