// Questions that are asked only after certain answers. The server judges the same again.
import { isAsked } from "./page.js";

function valuesOf(form, name, row) {
  const named = (full) => [...form.querySelectorAll(`[name="${CSS.escape(full)}"]`)];
  let fields = row ? named(`${row}.${name}`) : [];
  if (!fields.length) fields = named(name);
  return fields
    .filter((field) => isAsked(field) && (!["radio", "checkbox"].includes(field.type) || field.checked))
    .map((field) => field.value);
}

export function judgeConditions(form) {
  // In the order of the page, so that what depends on a hidden question is hidden with it.
  for (const question of form.querySelectorAll("[data-when]")) {
    const row = question.closest("[data-row]")?.dataset.row;
    const met = Object.entries(JSON.parse(question.dataset.when)).every(([name, codes]) =>
      valuesOf(form, name, row).some((value) => codes.includes(value)));
    question.hidden = !met;
    question.removeAttribute("data-unasked");
  }
  for (const section of form.querySelectorAll("[data-section]")) {
    section.hidden = !section.querySelector(".q:not([hidden])");
    form.querySelector(`[data-section-link][href="#${section.id}"]`).parentElement.hidden = section.hidden;
  }
}
