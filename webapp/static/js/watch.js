/* Follows work that the worker does: asks for its state and shows how far it is. */
"use strict";
(() => {
  const box = document.querySelector("[data-watch]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-watch-text]");
  let failures = 0;
  const ask = async () => {
    try {
      const answer = await fetch(box.dataset.watch, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const state = await answer.json();
      failures = 0;
      if (!state.waiting) {
        window.location.reload();
        return;
      }
      bar.value = state.percent;
      text.textContent = `${state.message || "已排队，马上开始"}　${state.percent}%`;
    } catch {
      failures += 1;
      if (failures > 3) text.textContent = "暂时连不上服务器，正在重试";
    }
    window.setTimeout(ask, Math.min(1000 * 2 ** failures, 15000));
  };
  window.setTimeout(ask, 700);
})();
