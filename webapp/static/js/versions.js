// Two versions of a diagram side by side, what differs coloured and named in both. The list above
// says the same, so nothing here is needed to read the page.
"use strict";

(() => {
  const box = document.querySelector("[data-compare]");
  const views = [];

  function badge(words, how) {
    const element = document.createElement("div");
    element.className = `diff-badge diff-badge-${how}`;
    element.textContent = words;
    return element;
  }

  function mark(viewer, changes) {
    const canvas = viewer.get("canvas"), overlays = viewer.get("overlays");
    const registry = viewer.get("elementRegistry");
    for (const [id, change] of Object.entries(changes)) {
      const element = registry.get(id);
      if (!element) continue;
      canvas.addMarker(id, `diff-${change.how}`);
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.textContent = change.tip ? `${change.word}：${change.tip}` : change.word;
      registry.getGraphics(id).appendChild(title);
      if (element.waypoints || element.width > 400) continue;
      const position = { top: -12, left: 4 };
      overlays.add(id, { position, html: badge(change.word, change.how), show: { minZoom: 0.3 } });
    }
  }

  function fit(viewer) {
    const canvas = viewer.get("canvas");
    canvas.zoom("fit-viewport", "auto");
    if (canvas.zoom() < 0.25) canvas.zoom(0.25);
  }

  // Where something changed, at a size that can be read; the whole when nothing did.
  function look(viewer, changes) {
    fit(viewer);
    const canvas = viewer.get("canvas"), registry = viewer.get("elementRegistry");
    const first = Object.keys(changes).map((id) => registry.get(id)).find((e) => e && e.width);
    if (canvas.zoom() >= 0.6 || !first) return;
    canvas.zoom(0.7);
    centre(viewer, first);
  }

  function centre(viewer, element) {
    const canvas = viewer.get("canvas"), view = canvas.viewbox();
    const points = element.waypoints;
    const x = points ? (points[0].x + points[points.length - 1].x) / 2 : element.x + element.width / 2;
    const y = points ? (points[0].y + points[points.length - 1].y) / 2 : element.y + element.height / 2;
    canvas.viewbox({ ...view, x: x - view.width / 2, y: y - view.height / 2 });
  }

  // One is moved, the other follows: the same place at the same size.
  function follow() {
    let following = false;
    for (const viewer of views) {
      viewer.on("canvas.viewbox.changed", ({ viewbox }) => {
        if (following) return;
        following = true;
        const { x, y, scale } = viewbox;
        for (const other of views.filter((each) => each !== viewer)) {
          const { outer } = other.get("canvas").viewbox();
          const size = { width: outer.width / scale, height: outer.height / scale };
          other.get("canvas").viewbox({ x, y, ...size });
        }
        following = false;
      });
    }
  }

  function show(id) {
    for (const viewer of views) {
      const element = viewer.get("elementRegistry").get(id);
      viewer.get("selection").select(element || null);
      if (element) centre(viewer, element);
    }
    box.scrollIntoView({ block: "start" });
  }

  async function draw() {
    const reply = await fetch(box.dataset.compare, { headers: { Accept: "application/json" } });
    if (!reply.ok) throw new Error(String(reply.status));
    const data = await reply.json();
    const both = Boolean(box.querySelector("[data-side=old]"));
    for (const side of box.querySelectorAll("[data-side]")) {
      const xml = data[side.dataset.side];
      if (!xml) {
        side.firstElementChild.textContent = "这个版本没有这张图。";
        continue;
      }
      side.replaceChildren();
      const viewer = new window.BpmnJS({ container: side });
      await viewer.importXML(xml);
      const changes = both ? data.changes : {};
      mark(viewer, changes);
      look(viewer, changes);
      views.push(viewer);
    }
    follow();
    listen();
    box.dataset.drawn = "yes";
  }

  function listen() {
    for (const button of box.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        const viewer = views[views.length - 1];
        if (!viewer) return;
        if (button.dataset.zoom === "fit") fit(viewer);
        else viewer.get("zoomScroll").stepZoom(button.dataset.zoom === "in" ? 1 : -1);
      });
    }
    const here = box.querySelector(".compare-tabs [aria-current]");
    for (const button of document.querySelectorAll("[data-show]")) {
      button.addEventListener("click", () => {
        const { show: id, file } = button.dataset;
        if (here && here.dataset.folder === file) show(id);
        else box.querySelector(`[data-folder="${CSS.escape(file)}"]`)?.click();
      });
    }
  }

  for (const button of document.querySelectorAll("[data-check-all]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const boxes = button.form.querySelectorAll(`input[name="${button.dataset.checkAll}"]`);
      for (const each of boxes) each.checked = true;
    });
  }

  if (box && window.BpmnJS) {
    draw().catch(() => {
      for (const side of box.querySelectorAll("[data-side]")) {
        const words = document.createElement("p");
        words.className = "quiet";
        words.textContent = "流程图没有打开。改动都列在上面；刷新页面可以再试。";
        side.replaceChildren(words);
      }
    });
  }
})();
