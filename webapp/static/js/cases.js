// The clock strip and the menus of a case: Escape and a click elsewhere close what is open.
"use strict";

(() => {
  const OPEN = ".limit[open], .more[open], .rules[open]";

  function closeAll(except) {
    for (const element of document.querySelectorAll(OPEN)) {
      if (element !== except) element.open = false;
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const element = document.querySelector(OPEN);
    if (!element) return;
    element.open = false;
    element.querySelector("summary").focus();
  });

  document.addEventListener("click", (event) => {
    closeAll(event.target.closest(".limit, .more, .rules"));
  });
})();
