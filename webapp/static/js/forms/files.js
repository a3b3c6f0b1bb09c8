// Uploads: each file goes up by itself, with its progress; the form then names it by its token.
import { changed, element, icon } from "./page.js";

const TYPES = ["application/pdf", "image/jpeg", "image/png"];

class Files {
  constructor(box) {
    this.box = box;
    this.form = box.closest("form");
    this.list = box.querySelector("[data-files-list]");
    this.status = box.querySelector("[data-files-status]");
    this.most = Number(box.dataset.mostBytes);
    const add = box.querySelector("[data-files-add]");
    if (!add) return;
    add.hidden = false;
    box.querySelectorAll("[data-remove-file]").forEach((button) => { button.hidden = false; });
    box.addEventListener("change", (event) => {
      if (event.target.type !== "file") return;
      event.stopPropagation();
      this.take(event.target.files);
      event.target.value = "";
    });
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-remove-file]");
      if (button) this.remove(button.closest("li"));
    });
    this.acceptDrops();
  }

  acceptDrops() {
    const hover = (on) => this.box.classList.toggle("files-hover", on);
    this.box.addEventListener("dragover", (event) => { event.preventDefault(); hover(true); });
    this.box.addEventListener("dragleave", () => hover(false));
    this.box.addEventListener("drop", (event) => {
      event.preventDefault();
      hover(false);
      this.take(event.dataTransfer.files);
    });
  }

  take(files) { for (const file of files) this.send(file); }

  send(file) {
    const item = element("li", { class: "file" }, icon(this.form, "file-earmark"), element("span", { class: "file-name" }, file.name));
    this.list.append(item);
    if (file.size > this.most) return this.fail(item, file, `超过 ${Math.floor(this.most / 1048576)} MB，压缩或拆分后再上传`, false);
    if (file.type && !TYPES.includes(file.type)) return this.fail(item, file, "不是 PDF、JPG 或 PNG，不能上传", false);
    const bar = element("progress", { max: "100", value: "0", "aria-label": `上传 ${file.name}` });
    item.append(bar);
    const request = new XMLHttpRequest();
    request.open("POST", this.box.dataset.url);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", this.form.elements.csrf_token.value);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total; });
    request.addEventListener("load", () => {
      if (request.status === 201) this.done(item, request.response);
      else this.fail(item, file, request.response?.message || "没有传上去，稍后再试", request.status >= 500 || request.status === 401);
    });
    request.addEventListener("error", () => this.fail(item, file, "网络中断，没有传上去", true));
    const body = new FormData();
    body.append("file", file);
    request.send(body);
    return item;
  }

  done(item, stored) {
    item.className = "file";
    item.dataset.file = stored.token;
    const sign = stored.media_type === "application/pdf" ? "file-earmark-pdf" : "file-earmark-image";
    item.replaceChildren(
      element("input", { type: "hidden", name: this.box.dataset.name, value: stored.token }),
      icon(this.form, sign),
      element("a", { href: `${this.box.dataset.url}/${stored.token}` }, stored.name),
      element("span", { class: "file-about" }, `${stored.pages} 页 · ${stored.size}`),
      this.removeButton(stored.name),
    );
    this.status.textContent = `${stored.name} 已上传`;
    this.box.dispatchEvent(new CustomEvent("uploaded", { bubbles: true, detail: stored }));
    changed(this.list);
  }

  fail(item, file, message, again) {
    item.className = "file file-failed";
    const retry = element("button", { class: "btn btn-sm btn-outline-secondary", type: "button" }, "重试");
    retry.addEventListener("click", () => { item.remove(); this.send(file); });
    item.replaceChildren(icon(this.form, "exclamation-circle-fill"), element("span", { class: "file-name" }, `${file.name}：${message}`), ...(again ? [retry] : []), this.removeButton(file.name));
    this.status.textContent = `${file.name} ${message}`;
  }

  removeButton(name) {
    return element("button", { class: "btn btn-sm btn-outline-secondary", type: "button", "data-remove-file": true, "aria-label": `移除 ${name}` }, icon(this.form, "x-lg"));
  }

  remove(item) {
    const { file } = item.dataset;
    if (file) {
      // The server keeps what a case has already; there only the mention goes.
      fetch(`${this.box.dataset.url}/${file}`, { method: "DELETE", headers: { Accept: "application/json", "X-CSRFToken": this.form.elements.csrf_token.value } }).catch(() => {});
    }
    const neighbour = item.nextElementSibling || item.previousElementSibling;
    item.remove();
    this.status.textContent = "已移除";
    (neighbour?.querySelector("button") || this.box.querySelector("input[type=file]")).focus();
    changed(this.list);
  }
}

// A record that has a file is there, and counts its pages unless somebody has counted them.
function fillInventory(table) {
  table.addEventListener("uploaded", (event) => {
    const line = event.target.closest("[data-record]");
    const have = line.querySelector("input[type=radio][value=have]");
    const pages = line.querySelector("input[name$='.pages']");
    have.checked = true;
    const counted = Number(line.dataset.counted || 0);
    if (!pages.value || Number(pages.value) === counted) {
      line.dataset.counted = String(counted + event.detail.pages);
      pages.value = line.dataset.counted;
    }
    changed(have);
  });
  const show = (line) => {
    const state = line.querySelector("input[type=radio]:checked")?.value;
    const said = [...line.querySelectorAll("input[name$='.pages'], input[name$='.files']")].some((field) => field.value);
    line.classList.toggle("record-absent", ["none", "na"].includes(state) && !said);
  };
  table.addEventListener("change", (event) => { show(event.target.closest("[data-record]")); });
  table.querySelectorAll("[data-record]").forEach(show);
}

export function enhanceFiles(root) {
  for (const box of root.querySelectorAll("[data-files]")) new Files(box);
  for (const table of root.querySelectorAll("[data-inventory]")) fillInventory(table);
}
