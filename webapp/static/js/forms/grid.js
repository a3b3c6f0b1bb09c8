// The twelve cells: a ticked one opens what is to be said of it and shows its first words.
import { judgeConditions } from "./conditions.js";

export function enhanceGrids(root) {
  for (const grid of root.querySelectorAll("[data-grid]")) {
    const show = (cell, focus) => {
      const tick = cell.querySelector("input[type=checkbox]");
      const said = document.getElementById(tick.getAttribute("aria-controls"));
      said.hidden = !tick.checked;
      said.removeAttribute("data-unticked");
      tick.setAttribute("aria-expanded", String(tick.checked));
      cell.classList.toggle("cell-ticked", tick.checked);
      cell.querySelector("[data-cell-sum]").textContent = tick.checked ? said.querySelector("textarea, input[type=text]")?.value || "待填写" : "";
      const line = said.closest("tr");
      line.hidden = !line.querySelector("[data-cell-said]:not([hidden])");
      if (focus && tick.checked) said.querySelector("textarea, input, select")?.focus();
    };
    const cellOf = (said) => [...grid.querySelectorAll("[data-cell]")].find((cell) => cell.dataset.cell === said.dataset.row);
    grid.addEventListener("change", (event) => {
      const cell = event.target.closest("[data-cell]");
      if (cell) { show(cell, true); judgeConditions(grid.closest("form")); }
    });
    grid.addEventListener("input", (event) => {
      const said = event.target.closest("[data-cell-said]");
      if (said) show(cellOf(said), false);
    });
    for (const cell of grid.querySelectorAll("[data-cell]")) show(cell, false);
  }
}
