// How much of what is required is filled in: over all, for each section, and where to go on.
import { isAsked } from "./page.js";

function filled(field) {
  if (field.type === "radio" || field.type === "checkbox") return field.checked;
  return field.type !== "file" && field.value.trim() !== "";
}

// A row counts once it says more than what stood in it from the start.
function isBegun(row) {
  const given = JSON.parse(row.closest("[data-rows]")?.dataset.given || "{}");
  return [...row.querySelectorAll("[name]")].some((field) =>
    filled(field) && field.value !== given[field.name.slice(row.dataset.row.length + 1)]);
}

function isAnswered(question) {
  if (question.dataset.kind === "group") return [...question.querySelectorAll(".row-card")].some(isBegun);
  if (question.dataset.kind === "inventory") {
    return [...question.querySelectorAll("[data-record]")].every((line) => line.querySelector("input[type=radio]:checked"));
  }
  if (question.dataset.kind === "grid12") return Boolean(question.querySelector("[data-cell] input:checked"));
  return [...question.querySelectorAll("[name]")].some(filled);
}

// What must be answered now. A group counts as one question, and each row's own as well once it is begun.
function requiredIn(root) {
  return [...root.querySelectorAll("[data-question][data-required]")].filter((question) => {
    if (!isAsked(question)) return false;
    const row = question.parentElement.closest("[data-row]");
    return !row || row.matches("[data-cell-said]") || isBegun(row);
  });
}

export function percentOf(form) {
  const required = requiredIn(form).filter((question) => question.dataset.kind !== "signature");
  return required.length ? Math.floor((100 * required.filter(isAnswered).length) / required.length) : 100;
}

function showSections(form) {
  form.querySelectorAll("[data-section]").forEach((section) => {
    const link = form.querySelector(`[data-section-link][href="#${section.id}"]`);
    const required = requiredIn(section);
    const done = required.filter(isAnswered).length;
    const words = link.querySelector("[data-section-count]");
    words.textContent = !required.length ? "选填" : done === required.length ? "✓" : `${done}/${required.length}`;
    words.classList.toggle("is-done", required.length > 0 && done === required.length);
    words.setAttribute("aria-label", !required.length ? "选填" : `必填 ${required.length} 项，已填 ${done} 项`);
    words.setAttribute("role", "img");
  });
}

export function startProgress(form) {
  const bar = form.querySelector("[data-progress]");
  const text = form.querySelector("[data-progress-text]");
  const next = form.querySelector("[data-next-missing]");
  let waiting;
  const refresh = () => {
    const required = requiredIn(form);
    const missing = required.filter((question) => !isAnswered(question));
    bar.hidden = false;
    bar.value = required.length ? (100 * (required.length - missing.length)) / required.length : 100;
    text.textContent = required.length ? `必填 ${required.length - missing.length}/${required.length}` : "";
    next.hidden = !missing.length;
    next.textContent = `还有 ${missing.length} 项必填`;
    showSections(form);
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(refresh, 120); };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("click", soon);
  next.addEventListener("click", () => {
    const missing = requiredIn(form).find((question) => !isAnswered(question));
    const field = missing?.querySelector("input:not([type=hidden]), select, textarea, button:not([hidden])");
    missing?.scrollIntoView({ block: "center", behavior: "instant" });
    field?.focus({ preventScroll: true });
  });
  refresh();
  followScrolling(form);
  const contents = form.querySelector("[data-contents]");
  if (matchMedia("(max-width: 1199.98px)").matches) contents.open = false;
}

function followScrolling(form) {
  const links = new Map([...form.querySelectorAll("[data-section-link]")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-25% 0px -65% 0px" });
  form.querySelectorAll("[data-section]").forEach((section) => watcher.observe(section));
}
