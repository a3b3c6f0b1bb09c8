// A region chosen step by step: province, city, county, township. Beside the search, not instead.
import { element } from "./page.js";

const LEVELS = ["省", "市", "县（区）", "乡镇（街道）"];
const known = new Map(); // parent code → promise of its regions; the same lists serve every field

function below(url, parent) {
  if (!known.has(parent)) {
    const asked = new URL(url, location.href);
    asked.searchParams.set("parent", parent);
    const answer = fetch(asked, { headers: { Accept: "application/json" } })
      .then((reply) => (reply.ok ? reply.json() : Promise.reject(new Error(String(reply.status)))))
      .then(({ rows }) => rows);
    answer.catch(() => known.delete(parent));
    known.set(parent, answer);
  }
  return known.get(parent);
}

// A code tells its line by its shape: province, city, county, township.
function lineOf(code) {
  return [...new Set([`${code.slice(0, 2)}0000`, `${code.slice(0, 4)}00`, code.slice(0, 6), code])];
}

export function addCascade(picker) {
  const { box } = picker;
  const selects = LEVELS.map((level) =>
    element("select", { class: "form-select", "aria-label": `${box.dataset.label}：${level}` }, element("option", { value: "" }, level)));
  const panel = element("details", { class: "cascade" }, element("summary", {}, "逐级选择"), element("div", { class: "cascade-levels" }, ...selects));
  box.after(panel);

  async function fill(level, parent, chosen = "") {
    for (const later of selects.slice(level)) later.replaceChildren(element("option", { value: "" }, LEVELS[selects.indexOf(later)]));
    selects.slice(level + 1).forEach((later) => { later.hidden = true; });
    const rows = await below(box.dataset.url, parent);
    selects[level].hidden = !rows.length;
    selects[level].append(...rows.map((row) => element("option", { value: row.value }, row.label)));
    selects[level].value = chosen;
  }

  selects.forEach((select, level) => {
    select.hidden = level > 0;
    select.addEventListener("change", async (event) => {
      event.stopPropagation();
      const path = selects.slice(0, level + 1).map((one) => one.selectedOptions[0]).filter((one) => one?.value);
      picker.put(path.at(-1)?.value || "", path.map((one) => one.textContent).join(""));
      if (select.value && level < LEVELS.length - 1) await fill(level + 1, select.value);
      else selects.slice(level + 1).forEach((later) => { later.hidden = true; });
    });
  });

  panel.addEventListener("toggle", async () => {
    if (!panel.open) return;
    const code = /^\d{6}(\d{3})?$/.test(picker.value.value) ? picker.value.value : "";
    const line = code ? lineOf(code) : [];
    await fill(0, "", line[0] || "");
    for (let level = 0; level < line.length && level < LEVELS.length - 1; level += 1) {
      await fill(level + 1, line[level], line[level + 1] || "");
    }
  });
}
