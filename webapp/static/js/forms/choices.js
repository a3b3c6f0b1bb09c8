// An optional choice can be taken back.
import { changed } from "./page.js";

export function enhanceChoices(root) {
  for (const button of root.querySelectorAll("[data-unselect]")) {
    const options = button.closest(".options");
    const radios = [...options.querySelectorAll("input[type=radio]")];
    const show = () => { button.hidden = !radios.some((radio) => radio.checked); };
    options.addEventListener("change", show);
    button.addEventListener("click", () => {
      radios.forEach((radio) => { radio.checked = false; });
      changed(radios[0]);
      radios[0].focus();
    });
    show();
  }
}
