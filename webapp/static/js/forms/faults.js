// After a refusal: focus on the first thing to mend; a link of the summary goes into its field.

function goTo(id) {
  const target = document.getElementById(id);
  if (!target) return false;
  const behind = target.type === "hidden" ? target.parentElement : target;
  behind.scrollIntoView({ block: "center", behavior: "instant" });
  behind.focus({ preventScroll: true });
  return true;
}

export function showFaults(form) {
  const summary = form.querySelector("[data-faults]");
  if (!summary) return;
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && goTo(decodeURIComponent(link.hash.slice(1)))) event.preventDefault();
  });
  (summary.querySelector("a") || summary).focus();
}
