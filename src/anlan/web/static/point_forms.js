// A small form in a dialog: fields as said, the node's refusal in its words, and what was done as a toast, if it is said here.

import { esc, t } from "./config.js";
import { api, link } from "./link.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";

/** Fields: {name, words, kind: "text" | "number" | "hours" | "choice" | "several" | "lines" | "password", needed, value, choices, step}. Resolves to the answer, null if turned back. */
export function ask({ title, about = "", fields, say, note = "", send, done }) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "aside";
    dialog.innerHTML = `<form class="aside"><h2>${esc(title)}</h2>${about ? `<p>${about}</p>` : ""}${fields.map(field).join("")}${note ? `<p class="dim">${esc(note)}</p>` : ""}
      <div class="form-error" role="alert"></div>
      <div class="button-row"><button type="submit" class="button main">${esc(say ?? title)}</button><button type="button" class="button cancel">${t("Cancel")}</button></div></form>`;
    let answer = null;
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = dialog.querySelector("[type=submit]");
      button.disabled = true;
      const got = await send(values(new FormData(event.target), fields));
      button.disabled = false;
      dialog.querySelector(".form-error").textContent = got.refused ?? "";
      if (got.refused) return;
      answer = got;
      if (done) toast(typeof done === "function" ? done(got) : done);
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** What signs where it takes two persons: a console that is left open is nobody's word. */
export const SIGNED = () => [{ name: "password", words: t("Own password"), kind: "password", complete: "current-password" }, { name: "code", words: t("Code of the second factor, if one is set up"), needed: false }];

/** The second person's signature on a request about a point; null if turned back. */
export const approve = (request, about) => ask({ title: t("Approve as the second person"), about, say: t("Approve"), fields: SIGNED(), send: (given) => withKey((body) => api.post(`/api/v1/requests/${request}/approve`, { note: "", ...body }), given), done: t("Recorded.") });

/** What becomes of a person's API tokens with their sessions: "keep" or "revoke". */
export const TOKENS = () => ({ name: "tokens", words: t("Tokens for programs"), kind: "choice", choices: [["keep", t("stay as they are")], ["revoke", t("are revoked too")]] });

function values(given, fields) {
  const found = {};
  for (const { name, kind } of fields) {
    const text = String(given.get(name) ?? "").trim();
    if (kind === "hours") found.until = Math.round(link.now() + Number(text) * 3600e6);
    else if (kind === "number") found[name] = text === "" ? null : Number(text);
    else if (kind === "several") found[name] = given.getAll(name);
    else if (kind === "password") found[name] = String(given.get(name));
    else if (kind === "lines") found[name] = text.split("\n").map((one) => one.trim()).filter(Boolean);
    else found[name] = text;
  }
  return found;
}

function field({ name, words, kind = "text", needed = true, value = "", choices = [], step = "any", complete = "off" }) {
  const need = needed ? " required" : "";
  if (kind === "choice" || kind === "hours") {
    const options = kind === "hours" ? choices.map((hours) => [hours, hours < 1 ? t("{n} min", { n: hours * 60 }) : t("{n} h", { n: hours })]) : choices;
    return `<label class="labelled">${esc(words)}<select class="field" name="${name}">${options.map(([id, text]) => `<option value="${esc(id)}"${id === value ? " selected" : ""}>${esc(text)}</option>`).join("")}</select></label>`;
  }
  if (kind === "several") return `<label class="labelled">${esc(words)}<select class="field" name="${name}" multiple>${choices.map(([id, text]) => `<option value="${esc(id)}"${value.includes(id) ? " selected" : ""}>${esc(text)}</option>`).join("")}</select></label>`;
  if (kind === "password") return `<label class="labelled">${esc(words)}<input class="field" name="${name}" type="password" autocomplete="${complete}" required></label>`;
  if (kind === "lines") return `<label class="labelled">${esc(words)}<textarea class="field" name="${name}" rows="4"${need}>${esc(value)}</textarea></label>`;
  const type = kind === "number" ? `type="number" step="${step}"` : `pattern=".*\\S.*" maxlength="500"`;
  return `<label class="labelled">${esc(words)}<input class="field" name="${name}" ${type}${need} value="${esc(value)}" autocomplete="off"></label>`;
}
