// Groups: rows are added, removed (and brought back), and put in order, by mouse or keyboard.
import { judgeConditions } from "./conditions.js";
import { changed } from "./page.js";

const NAMING = ["id", "name", "for", "aria-describedby", "aria-controls", "aria-labelledby", "data-row", "data-name", "data-picker-of", "data-cell"];
const BLANK = "__row__";
const ID = "f-";

// Every attribute that begins with the old path of the row begins with the new one; ids have a
// prefix of their own before the path.
function rename(row, from, to) {
  if (from === to) return;
  for (const node of [row, ...row.querySelectorAll("*")]) {
    for (const attribute of NAMING) {
      const text = node.getAttribute(attribute);
      if (!text) continue;
      const renamed = text.split(" ").map((part) => {
        const path = part.startsWith(ID) ? part.slice(ID.length) : part;
        const inside = path === from || path.startsWith(`${from}.`) || path.startsWith(`${from}-`);
        return inside ? part.slice(0, part.length - path.length) + to + path.slice(from.length) : part;
      });
      node.setAttribute(attribute, renamed.join(" "));
    }
  }
}

class Rows {
  constructor(box, enhance) {
    this.box = box;
    this.enhance = enhance;
    this.form = box.closest("form");
    this.list = box.querySelector("[data-rows-list]");
    this.pattern = box.querySelector("[data-row-pattern]");
    this.undo = box.querySelector("[data-rows-undo]");
    this.status = box.querySelector("[data-rows-status]");
    this.title = box.dataset.rowTitle;
    if (!this.pattern) return;
    box.querySelector("[data-rows-foot]").hidden = false;
    box.addEventListener("click", (event) => this.click(event));
    this.number();
  }

  get rows() { return [...this.list.children]; }

  click(event) {
    const button = event.target.closest("button");
    if (!button || button.closest("[data-rows]") !== this.box) return;
    const row = button.closest("[data-row]");
    if (button.matches("[data-add-row]")) this.add();
    else if (button.matches("[data-undo-row]")) this.bringBack();
    else if (button.matches("[data-remove-row]")) this.remove(row);
    else if (button.matches("[data-move]")) this.move(row, Number(button.dataset.move), button);
  }

  add() {
    if (this.rows.length >= Number(this.box.dataset.mostRows)) {
      this.say(`最多 ${this.box.dataset.mostRows} 条`);
      return;
    }
    const row = this.pattern.content.cloneNode(true).firstElementChild;
    rename(row, `${this.box.dataset.name}.${BLANK}`, `${this.box.dataset.name}.${this.rows.length}`);
    this.list.append(row);
    this.enhance(row);
    this.number();
    judgeConditions(this.form);
    row.querySelector("input:not([type=hidden]):not([tabindex]), select, textarea")?.focus();
    this.say(`已添加${this.title} ${this.rows.length}`);
  }

  remove(row) {
    const index = this.rows.indexOf(row);
    this.removed = { row, index };
    row.remove();
    if (!this.rows.length) this.addBlank();
    this.number();
    this.say(`已删除${this.title} ${index + 1}`);
    this.undo.querySelector("[data-rows-undo-text]").textContent = `已删除${this.title} ${index + 1}`;
    this.undo.hidden = false;
    this.undo.querySelector("button").focus();
    this.tellForm();
  }

  addBlank() {
    const row = this.pattern.content.cloneNode(true).firstElementChild;
    rename(row, `${this.box.dataset.name}.${BLANK}`, `${this.box.dataset.name}.0`);
    this.list.append(row);
    this.enhance(row);
    judgeConditions(this.form);
  }

  bringBack() {
    const { row, index } = this.removed;
    rename(row, row.dataset.row, `${this.box.dataset.name}.__back__`); // its old name is taken by now
    this.list.insertBefore(row, this.rows[index] || null);
    this.number();
    this.undo.hidden = true;
    row.focus();
    this.say(`已恢复${this.title} ${index + 1}`);
    this.tellForm();
  }

  move(row, step, button) {
    const to = this.rows.indexOf(row) + step;
    if (to < 0 || to >= this.rows.length) return;
    this.list.insertBefore(row, step < 0 ? this.rows[to] : this.rows[to].nextElementSibling);
    this.number();
    button.focus();
    this.say(`已移到第 ${to + 1} 条`);
    this.tellForm();
  }

  // In two rounds: two rows must not for a moment have radio buttons of one name.
  number() {
    const rows = this.rows;
    const { name } = this.box.dataset;
    rows.forEach((row, index) => rename(row, row.dataset.row, `${name}.__${index}__`));
    rows.forEach((row, index) => {
      rename(row, row.dataset.row, `${name}.${index}`);
      const title = `${this.title} ${index + 1}`;
      row.querySelector("[data-row-title]").textContent = title;
      row.setAttribute("aria-label", title);
      row.querySelector("[data-row-tools]").hidden = false;
      row.querySelector("[data-move='-1']").setAttribute("aria-disabled", String(index === 0));
      row.querySelector("[data-move='1']").setAttribute("aria-disabled", String(index === rows.length - 1));
    });
  }

  say(words) { this.status.textContent = words; }

  tellForm() { changed(this.list); }
}

export function enhanceRows(root, enhance) {
  for (const box of root.querySelectorAll("[data-rows]")) new Rows(box, enhance);
}
