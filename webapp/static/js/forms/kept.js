// What could not be saved on the server, kept in this tab: by person and place, gone with the tab.

const PREFIX = "yili.kept.";
const SENT = "yili.sent";

function read(key) {
  try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; }
}

function write(key, value) {
  try { sessionStorage.setItem(key, JSON.stringify(value)); return true; } catch { return false; }
}

const keyOf = (form) => `${PREFIX}${form.dataset.user}.${form.dataset.place}`;

export function keep(form, pairs, at) { return write(keyOf(form), { pairs, at }); }
export function keptFor(form) { return read(keyOf(form)); }
export function forget(form) { sessionStorage.removeItem(keyOf(form)); }

// The form went out: the next page of ours means that the server has it, or has said why not.
export function noteSent(form) { write(SENT, keyOf(form)); }

export function sweep() {
  const sent = read(SENT);
  if (sent && !document.querySelector(".error-page")) {
    sessionStorage.removeItem(sent);
    sessionStorage.removeItem(SENT);
  }
}

export function forgetAll() {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) || key === SENT) sessionStorage.removeItem(key);
  }
}

// Somebody else's unsaved text must not stay in a shared browser.
export function forgetOthers(user) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}${user}.`)) sessionStorage.removeItem(key);
  }
}
