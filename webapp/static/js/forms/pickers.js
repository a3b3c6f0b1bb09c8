// Codes chosen from a list that is searched while one types: an ARIA 1.2 combobox with a listbox.
// The visible field holds words; a hidden one of the same name holds the code, or, as long as
// nothing was chosen, what was typed, so that nothing is lost.
import { changed, element } from "./page.js";
import { addCascade } from "./regions.js";

const PAUSE = 160; // milliseconds after the last key before the server is asked

class Picker {
  constructor(box) {
    this.box = box;
    this.kind = box.dataset.pickerKind || "";
    this.field = box.querySelector("input");
    this.value = element("input", { type: "hidden", name: this.field.name, value: this.field.value });
    this.list = element("ul", { class: "picker-list", role: "listbox", id: `${this.field.id}-list`, "aria-label": box.dataset.label, hidden: true });
    this.status = element("p", { class: "visually-hidden", role: "status" });
    this.rows = [];
    this.active = -1;
    this.asked = 0;
    this.prepare();
    this.listen();
  }

  prepare() {
    this.field.removeAttribute("name");
    if (this.box.dataset.words) this.field.value = this.box.dataset.words;
    this.shown = this.box.dataset.words ? this.field.value : "";
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id, "aria-haspopup": "listbox" };
    for (const [name, value] of Object.entries(roles)) this.field.setAttribute(name, value);
    this.box.querySelector("[data-picker-said]")?.remove();
    this.box.append(this.value, this.list, this.status);
    this.box.classList.add("picker-ready");
  }

  listen() {
    this.field.addEventListener("input", (event) => {
      this.shown = "";
      this.value.value = this.field.value.trim();
      if (!event.isComposing) this.searchSoon();
    });
    this.field.addEventListener("compositionend", () => this.searchSoon());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("click", () => { if (!this.isOpen) this.search(); });
    this.field.addEventListener("blur", () => this.leave());
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[data-index]");
      if (option) this.choose(this.rows[Number(option.dataset.index)]);
    });
  }

  get isOpen() { return !this.list.hidden; }

  searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), PAUSE);
  }

  async search() {
    clearTimeout(this.timer);
    const words = this.shown ? "" : this.field.value.trim();
    if (!words && this.kind) { this.close(); return; } // thousands of rows: only what is asked for
    const turn = ++this.asked;
    const url = new URL(this.box.dataset.url, location.href);
    url.searchParams.set("q", words);
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { rows } = await answer.json();
      if (turn === this.asked && document.activeElement === this.field) this.open(rows);
    } catch {
      if (turn === this.asked) this.tell("暂时查不到，可以直接写编码");
    }
  }

  open(rows) {
    this.rows = rows;
    this.list.replaceChildren(...rows.map((row, index) => this.option(row, index)));
    if (!rows.length) this.list.append(element("li", { class: "picker-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "没有找到，换个词试试"));
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.activate(-1);
    this.status.textContent = rows.length ? `${rows.length} 条结果，用上下键选择` : "没有找到";
    this.list.scrollTop = 0;
    this.makeRoom();
  }

  // The list must be seen whole above the bar at the bottom: scroll up, and where the page ends, flip.
  makeRoom() {
    const bar = this.field.form.querySelector(".form-actions");
    const floor = innerHeight - (bar ? bar.offsetHeight : 0);
    this.list.classList.remove("picker-up");
    if (this.list.getBoundingClientRect().bottom <= floor) return;
    this.box.scrollIntoView({ block: "start", behavior: "instant" });
    this.list.classList.toggle("picker-up", this.list.getBoundingClientRect().bottom > floor);
  }

  option(row, index) {
    const code = this.kind === "icd10" ? [element("span", { class: "picker-code" }, row.value)] : [];
    const note = row.note ? [element("span", { class: "picker-note" }, row.note)] : [];
    return element("li", { role: "option", id: `${this.list.id}-${index}`, "data-index": index, "aria-selected": "false" }, ...code, element("span", {}, row.label), ...note);
  }

  tell(words) {
    this.rows = [];
    this.list.replaceChildren(element("li", { class: "picker-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, words));
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.status.textContent = words;
  }

  activate(index) {
    const options = this.list.querySelectorAll("[data-index]");
    options[this.active]?.setAttribute("aria-selected", "false");
    this.active = index;
    const option = options[index];
    if (!option) { this.field.removeAttribute("aria-activedescendant"); return; }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest", behavior: "instant" });
    this.field.setAttribute("aria-activedescendant", option.id);
  }

  key(event) {
    if (event.isComposing || this.field.readOnly) return;
    const count = this.rows.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!this.isOpen) { this.search(); return; }
      if (count) this.activate((this.active + (event.key === "ArrowDown" ? 1 : count - (this.active < 0 ? 0 : 1))) % count);
    } else if (event.key === "Enter" && this.isOpen) {
      event.preventDefault();
      const row = this.rows[this.active < 0 && count === 1 ? 0 : this.active];
      if (row) this.choose(row);
    } else if (event.key === "Escape" && this.isOpen) {
      event.preventDefault();
      this.close();
    }
  }

  wordsFor(row) {
    if (this.kind === "icd10") return `${row.value} ${row.label}`;
    if (this.kind === "region") return row.whole;
    return row.label;
  }

  choose(row) {
    this.put(row.value, this.wordsFor(row));
    this.close();
    this.field.focus();
    this.box.dispatchEvent(new CustomEvent("chosen", { bubbles: true, detail: row }));
  }

  put(value, words) {
    this.value.value = value;
    this.field.value = this.shown = words;
    this.field.removeAttribute("aria-invalid");
    changed(this.value);
  }

  // Leaving with a word that has only one meaning takes that meaning; else the word stays.
  leave() {
    const typed = this.field.value.trim();
    const exact = this.rows.filter((row) => [row.value, row.label].includes(typed));
    if (this.isOpen && !this.shown && typed && exact.length === 1) this.put(exact[0].value, this.wordsFor(exact[0]));
    else if (!this.shown) changed(this.value);
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.activate(-1);
  }
}

export function enhancePickers(root) {
  for (const box of root.querySelectorAll("[data-picker]:not(.picker-ready)")) {
    const picker = new Picker(box);
    if (picker.kind === "region") addCascade(picker);
  }
}
