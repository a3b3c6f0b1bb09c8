// Keeps countdown texts current, in the words of webapp/words.py. Everything works without it.
"use strict";

(() => {
  const MINUTE = 60, HOUR = 3600, DAY = 86400;

  function span(seconds) {
    if (seconds < MINUTE) return "不到 1 分";
    if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} 分`;
    if (seconds > 3 * DAY) return `${Math.floor(seconds / DAY)} 天`;
    const hours = Math.floor(seconds / HOUR), minutes = Math.floor((seconds % HOUR) / MINUTE);
    return minutes ? `${hours} 小时 ${minutes} 分` : `${hours} 小时`;
  }

  function tone(left) {
    if (left <= 0) return "late";
    return left <= DAY ? "due" : "still";
  }

  // The server's clock decides: a phone may be minutes off.
  const served = Date.parse(document.documentElement.dataset.now || "");
  const offset = Number.isNaN(served) ? 0 : served - Date.now();

  function refresh() {
    const now = Date.now() + offset;
    for (const element of document.querySelectorAll(".countdown[data-due]")) {
      const left = Math.trunc((Date.parse(element.dataset.due) - now) / 1000);
      const words = (left > 0 ? "还剩 " : "超时 ") + span(Math.abs(left));
      if (element.textContent !== words) element.textContent = words;
      element.dataset.tone = tone(left);
    }
  }

  // A page that lay in a background tab is brought up to date when it is seen again.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  setInterval(refresh, 20000);

  // A form goes out once; the server would answer a second one like the first all the same.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "1";
    setTimeout(() => { delete event.target.dataset.sent; }, 8000); // a download leaves the page here
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  // <select data-submit> and the like: a filter applies as soon as it is changed.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
})();
