// Days and moments: typed as people type them, or picked. Reads what the server reads
// (webapp/forms/reading.py) and says at once how it was understood.
import { changed, serverNow } from "./page.js";

const DAY = /^(\d{4})(?:\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?|(\d{2})(\d{2}))/;
const TIME = /^(?:(\d{1,2})\s*[:时点]\s*(?:(\d{1,2})\s*分?)?(?::\d{2}(?:\.\d+)?)?|(\d{2})(\d{2}))$/;
const WEEKDAYS = "日一二三四五六";
const HOW = {
  date: "日期写成 2026-11-21 或 20261121",
  "datetime-local": "时间写成 2026-11-21 03:40 或 20261121 0340",
};

const two = (number) => String(number).padStart(2, "0");

function narrow(text) {
  return text.replace(/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
    .replace(/\u3000/g, " ").trim();
}

// → {day: "2026-11-21", time: "03:40" or ""}, or null
function read(text, kind) {
  const typed = narrow(text);
  const day = DAY.exec(typed);
  if (!day) return null;
  const [year, month, date] = [day[1], day[2] || day[4], day[3] || day[5]].map(Number);
  const real = new Date(Date.UTC(year, month - 1, date));
  if (real.getUTCMonth() !== month - 1 || real.getUTCDate() !== date) return null;
  const found = { day: `${day[1]}-${two(month)}-${two(date)}`, time: "", weekday: WEEKDAYS[real.getUTCDay()] };
  const rest = typed.slice(day[0].length).replace(/^[ T,]+|[ ,]+$/g, "");
  if (kind === "date") return rest ? null : found;
  const time = TIME.exec(rest);
  if (!time) return null;
  const [hour, minute] = [Number(time[1] ?? time[3]), Number(time[2] ?? time[4] ?? 0)];
  if (hour > 23 || minute > 59) return null;
  return { ...found, time: `${two(hour)}:${two(minute)}` };
}

const asText = (found) => (found.time ? `${found.day} ${found.time}` : found.day);

function say(field, words, kind) {
  const found = read(field.value, kind);
  const [year, month, date] = found ? found.day.split("-").map(Number) : [];
  words.hidden = !field.value.trim();
  words.classList.toggle("moment-unread", !found);
  words.textContent = found
    ? `${year}年${month}月${date}日 周${found.weekday}${found.time ? ` ${found.time}` : ""}` : HOW[kind];
  return found;
}

function chinaNow(form) {
  const there = new Date(serverNow(form) + 8 * 3600 * 1000);
  return there.toISOString().slice(0, 16).replace("T", " ");
}

export function enhanceMoments(root) {
  for (const box of root.querySelectorAll("[data-moment]")) {
    const kind = box.dataset.moment;
    const field = box.querySelector("input");
    const words = box.parentElement.querySelector("[data-moment-read]");
    const pick = box.querySelector("[data-pick]");
    if (!pick) continue;
    const picker = box.querySelector(".moment-picker");
    const now = box.querySelector("[data-now-button]");
    const set = (text) => { field.value = text; say(field, words, kind); changed(field); };
    pick.hidden = typeof picker.showPicker !== "function";
    now.hidden = false;
    pick.addEventListener("click", () => {
      const found = read(field.value, kind);
      picker.value = found ? asText(found).replace(" ", "T") : "";
      picker.showPicker();
    });
    picker.addEventListener("change", (event) => {
      event.stopPropagation();
      if (picker.value) { set(picker.value.replace("T", " ")); field.focus(); }
    });
    now.addEventListener("click", () => {
      set(chinaNow(field.form).slice(0, kind === "date" ? 10 : 16));
      field.focus();
    });
    field.addEventListener("change", () => {
      const found = say(field, words, kind);
      if (found) field.value = asText(found);
    });
    // Said while one types, as soon as it can be read: a line that comes when the field is left would
    // push away what is being clicked.
    field.addEventListener("input", () => {
      if (read(field.value, kind)) say(field, words, kind);
      else words.hidden = true;
    });
    if (field.value && !field.hasAttribute("aria-invalid")) say(field, words, kind);
  }
}
