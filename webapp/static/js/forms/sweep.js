// On every page: what was handed in, or belongs to somebody who signs out, leaves this tab's store.
import { forgetAll, sweep } from "./kept.js";

sweep();
document.addEventListener("submit", (event) => {
  if (event.target.action?.endsWith("/sign-out")) forgetAll();
});
