// The title of a chosen diagnosis goes into the empty name beside it.
import { changed } from "./page.js";

export function enhanceChains(root) {
  for (const chain of root.querySelectorAll("[data-chain]")) {
    chain.addEventListener("chosen", (event) => {
      const name = event.target.closest("tr").querySelector("input[name$='.text']");
      if (!name || name.value.trim()) return;
      name.value = event.detail.label;
      changed(name);
    });
  }
}
