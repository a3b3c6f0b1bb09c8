// Draws the diagram of a case and lays on it where the case stands. The list beside it says the
// same, so nothing here is needed to read the page.
"use strict";

(() => {
  const box = document.getElementById("diagram");
  if (!box || !window.BpmnJS) return;

  const STATES = { done: "y-done", now: "y-now", late: "y-late", ended: "y-ended", heat1: "y-heat1", heat2: "y-heat2", heat3: "y-heat3", heat4: "y-heat4" };

  function badge(words, state, due) {
    const element = document.createElement("div");
    element.className = `token token-${state}`;
    element.textContent = words;
    if (due) {
      element.classList.add("countdown");
      element.dataset.due = due;
      element.dataset.tone = state === "late" ? "late" : "due";
    }
    return element;
  }

  function mark(viewer, data) {
    const canvas = viewer.get("canvas"), overlays = viewer.get("overlays");
    const registry = viewer.get("elementRegistry");
    const put = (id, name) => { if (registry.get(id)) canvas.addMarker(id, name); };
    data.path.forEach((id) => put(id, "y-passed"));
    data.alarms.forEach((id) => put(id, "y-alarm"));
    for (const [id, element] of Object.entries(data.elements)) {
      if (element.state) put(id, STATES[element.state]);
      if (element.late) put(id, "y-ring");
      if (!registry.get(id)) continue;
      describe(registry.getGraphics(id), element.tip, id);
      if (element.badge) {
        const html = badge(element.badge, element.late ? "late" : element.state, element.due);
        overlays.add(id, { position: { top: -13, left: 6 }, html, show: { minZoom: 0.35 } });
      }
    }
  }

  // The same words on hover, for the keyboard and for screen readers; Enter does what a tap does.
  function describe(graphics, words, id) {
    if (!words) return;
    graphics.setAttribute("tabindex", "0");
    graphics.setAttribute("role", "button");
    graphics.setAttribute("aria-label", words);
    graphics.addEventListener("keydown", (event) => { if (event.key === "Enter") follow(id); });
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = words;
    graphics.appendChild(title);
  }

  // A tap on a step leads to its line in the list, where its sheet or its desk stands.
  function follow(id) {
    const line = document.querySelector(`.step[data-element="${CSS.escape(id)}"]`);
    for (const other of document.querySelectorAll(".step-chosen")) {
      other.classList.remove("step-chosen");
    }
    if (!line) return;
    line.classList.add("step-chosen");
    line.scrollIntoView({ block: "nearest" });
    line.focus({ preventScroll: true });
  }

  function fit(canvas) {
    canvas.zoom("fit-viewport", "auto");
    if (canvas.zoom() < 0.3) canvas.zoom(0.3);
  }

  // Where the case stands now, at a size that can be read; the whole when nothing is live.
  function look(viewer, data) {
    const canvas = viewer.get("canvas"), registry = viewer.get("elementRegistry");
    fit(canvas);
    const live = Object.keys(data.elements).filter(
      (id) => /^(now|late|heat\d)$/.test(data.elements[id].state) && data.elements[id].badge
    );
    // Of many cases the whole is wanted, unless it would be too small to see anything at all.
    const isHeat = live.some((id) => data.elements[id].state.startsWith("heat"));
    if (canvas.zoom() >= (isHeat ? 0.35 : 0.6) || !live.length) return;
    canvas.zoom(0.75);
    const shapes = live.map((id) => registry.get(id)).filter(Boolean);
    const x = Math.min(...shapes.map((shape) => shape.x));
    const y = Math.min(...shapes.map((shape) => shape.y));
    const view = canvas.viewbox();
    canvas.viewbox({ ...view, x: x - view.width / 4, y: y - view.height / 3 });
  }

  // The list begins where the case stands.
  function showLive() {
    const list = document.querySelector(".steps"), line = document.querySelector(".step-now, .step-late");
    if (list && line && list.scrollHeight > list.clientHeight) {
      list.scrollTop = line.offsetTop - list.offsetTop - 60;
    }
  }

  async function draw() {
    const reply = await fetch(box.dataset.source, { headers: { Accept: "application/json" } });
    if (!reply.ok) throw new Error(String(reply.status));
    const data = await reply.json();
    box.replaceChildren();
    const viewer = new window.BpmnJS({ container: box });
    await viewer.importXML(data.xml);
    mark(viewer, data);
    look(viewer, data);
    viewer.on("element.click", ({ element }) => follow(element.id.replace(/_label$/, "")));
    const canvas = viewer.get("canvas");
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        if (button.dataset.zoom === "fit") fit(canvas);
        else viewer.get("zoomScroll").stepZoom(button.dataset.zoom === "in" ? 1 : -1);
      });
    }
    box.dataset.drawn = "yes";
  }

  showLive();
  draw().catch(() => {
    const words = document.createElement("p");
    words.className = "quiet diagram-wait";
    words.textContent = "流程图没有打开，旁边的列表与图的内容相同。刷新页面可以再试。";
    box.replaceChildren(words);
  });
})();
