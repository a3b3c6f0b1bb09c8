// A process form in the browser. The page works without all of this, only less comfortably; what
// counts is judged on the server. Each module enhances what it finds below a root: the form at
// first, later every new row.
import { startAutosave } from "./forms/autosave.js";
import { enhanceChains } from "./forms/chain.js";
import { enhanceChoices } from "./forms/choices.js";
import { judgeConditions } from "./forms/conditions.js";
import { enhanceCounters } from "./forms/counters.js";
import { showFaults } from "./forms/faults.js";
import { enhanceFiles } from "./forms/files.js";
import { enhanceGrids } from "./forms/grid.js";
import { enhanceMoments } from "./forms/moments.js";
import { enhancePickers } from "./forms/pickers.js";
import { startProgress } from "./forms/progress.js";
import { enhanceRows } from "./forms/rows.js";

function enhance(root) {
  enhancePickers(root);
  enhanceMoments(root);
  enhanceCounters(root);
  enhanceChoices(root);
  enhanceChains(root);
  enhanceFiles(root);
  enhanceGrids(root);
}

// An act that cannot be undone is done with its button, never by Enter in some field.
function refuseEnter(event) {
  const field = event.target;
  const plain = field instanceof HTMLInputElement && !["password", "submit", "button", "file"].includes(field.type);
  if (event.key === "Enter" && plain) event.preventDefault();
}

for (const form of document.querySelectorAll("[data-task-form]")) {
  form.addEventListener("keydown", refuseEnter);
  enhance(form);
  enhanceRows(form, enhance);
  judgeConditions(form);
  form.addEventListener("change", () => judgeConditions(form));
  startProgress(form);
  showFaults(form);
  startAutosave(form);
}
