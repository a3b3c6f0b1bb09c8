// Saves what is typed a few seconds after it was typed, and when the page is left. What the server
// does not take stays in this tab (kept.js) and comes back after signing in.
import { element, icon, serverNow, typedPairs } from "./page.js";
import { forget, forgetOthers, keep, keptFor, noteSent, sweep } from "./kept.js";
import { percentOf } from "./progress.js";

const PAUSE = 3000;
const RETRY = 15000;
const KEEPALIVE_LIMIT = 60000; // bytes that a browser still sends after the page is gone

const REASONS = {
  401: "登录已失效，内容仍在本页，重新登录后可以继续",
  404: "未能保存，这一步已不在待办里，内容仍在本页",
  413: "内容太长，未能保存，内容仍在本页",
};

class Autosave {
  constructor(form) {
    this.form = form;
    this.state = form.querySelector("[data-state-text]");
    this.saved = JSON.stringify(typedPairs(form));
    this.failed = false;
    this.sent = false;
    this.listen();
  }

  listen() {
    const soon = () => this.soon(PAUSE);
    this.form.addEventListener("input", soon);
    this.form.addEventListener("change", soon);
    this.form.addEventListener("submit", () => this.leave());
    addEventListener("pageshow", () => { this.sent = false; });
    addEventListener("pagehide", () => this.hide());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.hide(); });
    addEventListener("online", () => this.soon(0));
    addEventListener("beforeunload", (event) => {
      if (this.failed && !this.sent && this.isDirty) event.preventDefault();
    });
    this.form.querySelector("[data-drop-draft]")?.addEventListener("click", () => this.drop());
  }

  get isDirty() { return JSON.stringify(typedPairs(this.form)) !== this.saved; }

  soon(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), pause);
  }

  body(pairs) {
    const body = new URLSearchParams(pairs);
    body.append("_percent", percentOf(this.form));
    body.append("csrf_token", this.form.elements.csrf_token.value);
    return body;
  }

  async save(again = true) {
    if (this.sent || !this.isDirty) return;
    if (this.saving) { this.soon(PAUSE); return; }
    const pairs = typedPairs(this.form);
    this.saving = true;
    try {
      const answer = await fetch(this.form.dataset.draftUrl, { method: "POST", headers: { Accept: "application/json" }, body: this.body(pairs) });
      if (answer.ok) {
        this.saved = JSON.stringify(pairs);
        this.succeed(await answer.json());
      } else if (answer.status === 400 && again && (await this.renewToken())) {
        this.saving = false;
        await this.save(false);
      } else {
        this.fail(answer.status, pairs);
      }
    } catch {
      this.fail(0, pairs);
    } finally {
      this.saving = false;
    }
  }

  // Signed in again in another tab: this page's token is of the old sign-in.
  async renewToken() {
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = page.querySelector("meta[name=csrf-token]")?.content;
    if (!answer.ok || !token) return false;
    this.form.elements.csrf_token.value = token;
    return true;
  }

  succeed({ at }) {
    this.failed = false;
    forget(this.form);
    this.show("cloud-check", `已自动保存 ${at}`, false);
    if (this.isDirty) this.soon(PAUSE);
  }

  fail(status, pairs) {
    this.failed = true;
    keep(this.form, pairs, serverNow(this.form));
    this.show("cloud-slash", REASONS[status] || "未能保存，内容仍在本页", true);
    if (status !== 404 && status !== 413) this.soon(RETRY);
  }

  show(sign, words, bad) {
    this.state.parentElement.classList.toggle("form-state-bad", bad);
    this.state.parentElement.setAttribute("role", bad ? "alert" : "none");
    this.state.replaceChildren(icon(this.form, sign), element("span", {}, words));
  }

  leave() {
    clearTimeout(this.timer);
    this.sent = true;
    if (this.isDirty || this.failed) keep(this.form, typedPairs(this.form), serverNow(this.form));
    noteSent(this.form);
  }

  // The page goes away: the last words still go out, and stay here in case they do not arrive.
  hide() {
    if (this.sent || !this.isDirty) return;
    clearTimeout(this.timer);
    const pairs = typedPairs(this.form);
    keep(this.form, pairs, serverNow(this.form));
    const body = this.body(pairs);
    const keepalive = body.toString().length < KEEPALIVE_LIMIT;
    fetch(this.form.dataset.draftUrl, { method: "POST", headers: { Accept: "application/json" }, body, keepalive })
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
      .then((saved) => { this.saved = JSON.stringify(pairs); this.succeed(saved); })
      .catch(() => {}); // gone, or kept here
  }

  async drop() {
    this.sent = true;
    forget(this.form);
    await fetch(this.form.dataset.draftUrl, { method: "DELETE", headers: { Accept: "application/json", "X-CSRFToken": this.form.elements.csrf_token.value } });
    location.assign(location.pathname + location.search);
  }
}

// The server fills the form in from the raw fields, exactly as after a lost sign-in.
function bringBack(form, pairs) {
  const carrier = element("form", { method: "post", action: location.pathname + location.search, hidden: true });
  const fields = [["csrf_token", form.elements.csrf_token.value], ["_resumed", "1"], ...pairs];
  carrier.append(...fields.map(([name, value]) => element("textarea", { name }, value)));
  document.body.append(carrier);
  carrier.submit();
}

function isNewer(form, kept) {
  const saved = Date.parse(form.dataset.draftSaved || "");
  return Number.isNaN(saved) || kept.at > saved + 1000;
}

export function startAutosave(form) {
  forgetOthers(form.dataset.user);
  if (!form.dataset.place) return;
  const isPosted = form.hasAttribute("data-posted");
  if (isPosted) sweep();
  const kept = keptFor(form);
  if (kept && !isPosted) {
    forget(form);
    const same = JSON.stringify(kept.pairs) === JSON.stringify(typedPairs(form));
    if (!same && isNewer(form, kept)) { bringBack(form, kept.pairs); return; }
  }
  const autosave = new Autosave(form);
  form.querySelectorAll("[data-drop-draft]").forEach((button) => { button.hidden = false; });
  if (isPosted) { autosave.saved = ""; autosave.soon(PAUSE); } // the server showed it, but did not keep it
}
