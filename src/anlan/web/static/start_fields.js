// Fields and feet that the steps of the page Start share.

import { esc, t } from "./config.js";
import { help } from "./help.js";

let made = 0;

/** A labelled field with its help, which stands beside the label and is no part of the field's name. */
export function field({ name, words, value = "", about = "", kind = "text", needed = true, more = "" }) {
  return labelled(words, about, (id) => `<input class="field" id="${id}" name="${name}" type="${kind}" value="${esc(value)}"${needed ? " required" : ""} autocomplete="off" spellcheck="false" ${more}>`);
}

export function choose({ name, words, value, choices, about = "", change = "" }) {
  return labelled(words, about, (id) => `<select class="field" id="${id}" name="${name}"${change ? ` data-change="${change}"` : ""}>${choices.map(([one, text]) => `<option value="${esc(one)}"${one === value ? " selected" : ""}>${esc(text)}</option>`).join("")}</select>`);
}

export function labelled(words, about, input) {
  made += 1;
  const id = `start-field-${made}`;
  return `<div class="start-field"><span><label for="${id}">${t(words)}</label> ${about ? help(about) : ""}</span>${input(id)}</div>`;
}

export const busy = () => `<p class="start-error form-error" role="alert"></p><p class="start-busy dim" role="status"></p>`;

export const foot = (wizard) => `<footer class="start-foot"><button type="button" class="button" data-act="back">${t("Back")}</button><span class="spacer"></span><span class="dim" data-count>${t("{n} ticked", { n: wizard.rows.size })}</span><button type="button" class="button main" data-act="points"${wizard.rows.size ? "" : " disabled"}>${t("Name the points")}</button></footer>`;
