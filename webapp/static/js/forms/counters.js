// How much room is left, said when it becomes scarce; text areas grow with their text.
import { element } from "./page.js";

const SCARCE = 0.8;

function count(field, words) {
  const most = Number(field.dataset.most);
  const length = [...field.value.trim()].length;
  const left = most - length;
  words.hidden = length < most * SCARCE;
  words.classList.toggle("counter-over", left < 0);
  words.textContent = left < 0 ? `超出 ${-left} 字` : `还可填 ${left} 字`;
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight + 2, 640)}px`;
}

export function enhanceCounters(root) {
  for (const field of root.querySelectorAll("[data-most]")) {
    const words = element("p", { class: "counter", "aria-live": "polite" });
    (field.closest(".input-group") || field).after(words);
    field.addEventListener("input", () => count(field, words));
    count(field, words);
  }
  if (CSS.supports("field-sizing", "content")) return;
  for (const area of root.querySelectorAll("textarea[data-grows]")) {
    area.addEventListener("input", () => grow(area));
    if (area.value) grow(area);
  }
}
