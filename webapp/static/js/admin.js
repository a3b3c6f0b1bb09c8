// The administration's forms: pickers that search as one types, and the way from a fault to its
// field. The pages work without it: codes and whole names may be typed.
import { showFaults } from "./forms/faults.js";
import { enhancePickers } from "./forms/pickers.js";

for (const form of document.querySelectorAll("[data-admin-form]")) {
  enhancePickers(form);
  showFaults(form);
}
