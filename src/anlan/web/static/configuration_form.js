// The form of one point, alarm or class, made from the fields that the node names; what it holds otherwise than the thing does is one edit.

import { config, esc, t } from "./config.js";
import { helpOf } from "./help.js";

/** What has parts, and which part makes it be there at all. */
const GROUPS = { name: null, reporting: null, options: null, calibration: "due", position: "x", rationalised: "by", consequence: null, corrective_action: null, cause: null, basis: null };
const FIXED = { point: ["id", "was"], alarm: ["id", "point", "kind"], class: ["id"], source: ["id"], place: ["id"] };
const WIDE = new Set(["consequence", "corrective_action", "cause", "basis", "when", "suppress_when", "states"]);

export const words = (field) => field[config.language] || field.name;

/** The value at "reporting.period" as the form writes it. */
function written(row, field) {
  const value = field.name.split(".").reduce((part, name) => part?.[name], row);
  if (value === null || value === undefined) return "";
  if (field.kind === "states") return Object.entries(value).map(([state, said]) => `${state}=${said.zh || said.en}`).join("; ");
  if (field.kind === "integers") return value.join("; ");
  return String(value);
}

/** `row`: the thing as it is, null for a new one; `start`: what a new one begins with. */
export function formOf(what, fields, row, start = {}) {
  const shown = { ...start, ...row };
  const inputs = fields.map((field) => input(what, field, written(shown, field), row !== null));
  const remove = row ? `<button type="button" class="button" data-act="remove">${t("Take away")}</button>` : "";
  return `<form class="edit" novalidate data-what="${what}"><div class="grid">${inputs.join("")}</div><div class="form-error" role="alert"></div>
    <div class="button-row"><button class="button main">${t("Into the draft")}</button><button type="button" class="button cancel">${t("Cancel")}</button><span class="spacer"></span>${remove}</div></form>`;
}

function input(what, field, value, known) {
  const off = known && FIXED[what].includes(field.name) ? " readonly" : "";
  const named = `name="${esc(field.name)}" class="field"`;
  const wide = WIDE.has(field.name.split(".")[0]) || field.kind === "long" ? " wide" : "";
  const choices = field.kind === "yes" ? [["", "—"], ["true", t("yes")], ["false", t("no")]] : (field.choices ?? []).map(([one, zh, en]) => [String(one), config.language === "zh" ? zh : en]);
  const box = choices.length && !off
    ? `<select ${named}>${(choices.some(([one]) => one === value) ? choices : [[value, value || "—"], ...choices]).map(([one, said]) => `<option value="${esc(one)}"${one === value ? " selected" : ""}>${esc(said)}</option>`).join("")}</select>`
    : `<input ${named} value="${esc(value)}" autocomplete="off"${field.kind === "day" ? ' type="date"' : ""}${["number", "whole"].includes(field.kind) ? ' inputmode="decimal"' : ""}${off}>`;
  return `<label class="labelled${wide}"><span>${esc(words(field))} ${helpOf(field.name)}</span>${box}<span class="wrong" role="alert"></span></label>`;
}

/** The edit that this form means: {what, id, change}; `change` is empty when nothing was changed. */
export function editOf(form, fields, row) {
  const given = (name) => form.elements[name]?.value.trim() ?? "";
  const change = {};
  for (const field of fields) {
    const [group, part] = field.name.split(".");
    if (field.name === "id" || given(field.name) === written(row ?? {}, field)) continue;
    if (part) change[group] = grouped(group, fields, given, row);
    else if (row || given(field.name)) change[group] = read(field, given(field.name));
  }
  return { what: form.dataset.what, id: row?.id ?? given("id"), change };
}

/** The whole of what has parts: one part alone would let the others go. */
function grouped(group, fields, given, row) {
  const parts = fields.filter((field) => field.name.startsWith(`${group}.`));
  if (GROUPS[group] && !given(`${group}.${GROUPS[group]}`)) return null;
  const said = parts.map((field) => [field.name.split(".")[1], given(field.name) === "" && field.kind === "text" ? "" : read(field, given(field.name))]);
  return { ...(row?.[group] ?? {}), ...Object.fromEntries(said.filter(([, value]) => value !== null)) };
}

function read(field, text) {
  if (field.kind === "yes") return text === "" ? null : text === "true";
  if (field.kind === "states") return Object.fromEntries(text.split(/[;；]/).map((one) => one.split("=")).filter(([state]) => state.trim()).map(([state, said = ""]) => [state.trim(), { zh: said.trim(), en: "" }]));
  if (field.kind === "integers") return text.split(/[;；,\s]+/).filter(Boolean).map((one) => numbered(one));
  if (["number", "whole"].includes(field.kind) || field.name === "priority") return text === "" ? null : numbered(text);
  if (field.kind === "day") return text || null;
  return text;
}

/** What is no number goes to the node as it was written: its answer says what was expected. */
const numbered = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);

/** Each mistake under its field, the others above the buttons. */
export function showMistakes(form, mistakes) {
  for (const place of form.querySelectorAll(".wrong")) place.textContent = "";
  const rest = [];
  for (const one of mistakes) {
    const box = form.elements[one.field] ?? form.elements[`${one.field}.zh`] ?? form.elements[`${one.field}.by`];
    const place = box?.closest?.("label")?.querySelector(".wrong");
    if (place) place.textContent = one.text[config.language];
    else rest.push(one.text[config.language]);
  }
  form.querySelector(".form-error").textContent = rest.join(" · ");
}
