// The administration's forms: pickers that search as one types, days, and the way from a fault to its
// field. The pages work without it: codes and whole names may be typed.
import { showFaults } from "./forms/faults.js";
import { enhanceMoments } from "./forms/moments.js";
import { enhancePickers } from "./forms/pickers.js";

for (const form of document.querySelectorAll("[data-admin-form]")) {
  enhancePickers(form);
  enhanceMoments(form);
  showFaults(form);
}
