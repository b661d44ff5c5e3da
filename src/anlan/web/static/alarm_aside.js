// Putting an alarm aside: for how long and why it is shelved, or for which work order it is taken out of service. The node says first
// whether this person may; what it answers is shown in words. Bringing an alarm back asks nothing.

import { alarms, kindWords } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { hourMinute } from "./format.js";
import { api, link } from "./link.js";
import { toast } from "./shell.js";

const MINUTES = [15, 30, 60, 120, 240, 480];
const BACK = { SHELVED: "unshelve", OUT_OF_SERVICE: "return-to-service" };
const DONE = {
  shelve: "Shelved: {alarm}",
  "remove-from-service": "Taken out of service: {alarm}",
  unshelve: "Shelving ended: {alarm}",
  "return-to-service": "Returned to service: {alarm}",
};

/** Ask for what the step needs. `kind`: "shelve" or "remove-from-service". */
export async function putAside(row, kind) {
  const may = await api.get(`/api/v1/alarms/${encodeURIComponent(row.id)}`);
  const why = may.refused || may.why_not[kind.replaceAll("-", "_")];
  if (why) return toast(t("Refused: {why}", { why }), true);
  const dialog = document.createElement("dialog");
  dialog.className = "aside";
  dialog.innerHTML = form(row, kind, may);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(dialog, row, kind, may);
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Unshelve, or return to service, as the alarm stands. */
export async function bringBack(row) {
  const kind = BACK[row.state];
  if (!kind) return toast(t("Refused: {why}", { why: t("this alarm comes back by itself") }), true);
  told(await alarms.command(row, kind), row, kind);
}

function told(answer, row, kind) {
  if (answer.refused) toast(t("Refused: {why}", { why: answer.refused }), true);
  else toast(t(DONE[kind], { alarm: row.id }));
}

async function send(dialog, row, kind, may) {
  const given = new FormData(dialog.querySelector("form"));
  const body = { reason: String(given.get("reason")).trim() };
  if (kind === "shelve") body.until = end(String(given.get("span")), may);
  else body.work_order = String(given.get("work_order")).trim();
  const button = dialog.querySelector("[type=submit]");
  button.disabled = true;
  const answer = await alarms.command(row, kind, body);
  button.disabled = false;
  dialog.querySelector(".form-error").textContent = answer.refused ?? "";
  if (answer.refused) return;
  dialog.close();
  told(answer, row, kind);
}

/** The instant at which the chosen span ends, never beyond what the node allows. */
const end = (span, may) => (span === "shift" ? may.shelve_until : Math.min(Math.round(link.now() + Number(span) * 60e6), may.shelve_until));

function form(row, kind, may) {
  const shelving = kind === "shelve";
  const order = `<label class="labelled">${t("Work order")}<input class="field" name="work_order" required maxlength="100" pattern=".*\\S.*" autocomplete="off" autofocus></label>`;
  return `<form class="aside">
      <h2>${t(shelving ? "Shelve" : "Take out of service")}</h2>
      <p><b>${esc(row.point || row.source)}</b> ${esc(label(row.name))} · ${esc(kindWords(row.kind))}</p>
      ${shelving ? spans(may) : order}
      <label class="labelled">${t("Reason")}<input class="field" name="reason" required maxlength="500" pattern=".*\\S.*" autocomplete="off"></label>
      <p class="dim">${t(shelving ? "It says nothing until then. If its condition stands, it comes back unacknowledged and sounds." : "It says nothing until a person returns it to service.")}</p>
      <div class="form-error" role="alert"></div>
      <div class="button-row"><button type="submit" class="button main">${t(shelving ? "Shelve" : "Take out of service")}</button><button type="button" class="button cancel">${t("Cancel")}</button></div>
    </form>`;
}

function spans(may) {
  const within = MINUTES.filter((minutes) => link.now() + minutes * 60e6 < may.shelve_until);
  const choice = (value, words, chosen) => `<label class="choice"><input type="radio" name="span" value="${value}"${chosen ? " checked" : ""}><span>${esc(words)}</span></label>`;
  const words = (minutes) => (minutes < 60 ? t("{n} min", { n: minutes }) : t("{n} h", { n: minutes / 60 }));
  const time = hourMinute(may.shelve_until);
  const last = may.shelve_until === may.shift_end ? t("to the end of the shift {shift}, {time}", { shift: label(may.shift), time }) : t("until {time}", { time });
  return `<fieldset class="spans"><legend>${t("For how long")}</legend>${within.map((minutes, i) => choice(minutes, words(minutes), i === 0)).join("")}${choice("shift", last, !within.length)}</fieldset>`;
}
