// After an addition: its values as they arrive, the way to their trend, and the first limit, which raises as soon as the value is past it.

import { alarms, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { number } from "./format.js";
import { api, link } from "./link.js";
import { linkWords } from "./source_words.js";
import { choose, field } from "./start_fields.js";
import { liveValue } from "./values.js";

const SIDES = [["H", "H"], ["HH", "HH"], ["L", "L"], ["LL", "LL"]];
/** Alarm that the person has just set. */
let waited = sessionStorage.getItem("anlan-first-alarm") ?? "";

export const after = {
  markup(wizard) {
    const { added, limits } = wizard.given;
    const rows = added.points.map((point) => `<tr data-point="${esc(point.point)}"><td><a class="mono" href="/points/${encodeURIComponent(point.point)}">${esc(point.point)}</a></td><td>${esc(label(point.name))}</td><td class="dim">${esc(point.place)}</td><td>${liveValue(point)}</td><td>${point.alarms.map((one) => `<span class="start-column">${esc(one)}</span>`).join("")}</td></tr>`).join("");
    const ids = added.points.filter((point) => !point.states).slice(0, 6).map((point) => point.point).join(",");
    return `<section class="panel"><header><h2>${t("Values of {source}", { source: esc(added.id) })}</h2><span class="start-link" role="status"></span><span class="spacer"></span><span class="dim" data-arrived></span></header><div class="wide-table"><table class="sheet"><thead><tr><th>${t("Tag")}</th><th>${t("Name")}</th><th>${t("Place")}</th><th>${t("Value now")}</th><th>${t("Alarms")}</th></tr></thead><tbody>${rows}</tbody></table></div>${added.more ? `<p class="body dim">${t("{n} more are not shown", { n: added.more })}</p>` : ""}
      <div class="body button-row"><a class="button main" href="/trends?points=${encodeURIComponent(ids)}">${t("See their trend")}</a><a class="button" href="/start">${t("Add another source")}</a></div></section>
      <div class="start-raised"></div>${limits ? limitForm(added) : ""}`;
  },

  mounted(wizard) {
    const { added } = wizard.given;
    for (const point of added.points) link.watch(point.point, () => arrived(wizard));
    link.addEventListener("sources", () => arrived(wizard));
    alarms.addEventListener("change", () => raised(wizard));
    arrived(wizard);
    raised(wizard);
    hint(wizard);
  },

  async act(wizard, data, element) {
    if (data.act === "hint") hint(wizard);
    else if (data.act === "limit") await set(wizard, element);
  },
};

function arrived(wizard) {
  const { added } = wizard.given;
  const out = wizard.querySelector("[data-arrived]");
  if (!out) return;
  const here = added.points.filter(({ point }) => Number.isFinite(link.readings.get(point)?.value)).length;
  out.textContent = t("{n} of {all} have a value", { n: here, all: added.points.length });
  const source = (link.sources ?? []).find((one) => one.id === added.id);
  const state = wizard.querySelector(".start-link");
  state.textContent = source ? `${linkWords(source.state)}${source.state !== "up" && source.reason ? `: ${source.reason}` : ""}` : "";
  wizard.classList.toggle("arrived", here > 0);
  hint(wizard);
}

function limitForm({ points }) {
  const measured = points.filter((point) => !point.states);
  if (!measured.length) return "";
  const choices = measured.map((point) => [point.point, `${point.point} ${label(point.name)}`]);
  const free = measured.find((point) => !point.alarms.length) ?? measured[0];
  return `<form class="panel start-form" data-send="limit"><h2>${t("The first limit")}</h2><p class="dim">${t("An alarm needs an operator's action. What does the operator do, within which time, and what happens otherwise?")}</p><div class="row">
      ${choose({ name: "id", words: "Point", value: free.point, choices, change: "hint" })}
      ${choose({ name: "side", words: "Which limit", value: "H", choices: SIDES, about: "limit", change: "hint" })}
      ${field({ name: "limit", words: "Value of the limit", kind: "number", more: 'step="any" data-change="hint"' })}
      ${field({ name: "dead_band", words: "Dead-band", kind: "number", about: "dead_band", needed: false, more: 'step="any" min="0"' })}
      ${field({ name: "on_delay", words: "On-delay (s)", kind: "number", about: "delay", needed: false, more: 'step="any" min="0"' })}</div><p class="start-hint" role="status"></p><div class="row">
      ${choose({ name: "priority", words: "Priority", value: "3", choices: ["1", "2", "3", "4"].map((n) => [n, t("priority {n}", { n })]), about: "priority" })}
      ${field({ name: "time_to_respond", words: "Time to respond (s)", kind: "number", about: "time_to_respond", more: 'min="1"' })}
      ${field({ name: "consequence", words: "What happens if nobody acts", about: "consequence" })}
      ${field({ name: "action", words: "What the operator does", about: "corrective_action" })}</div>
      <p class="start-error form-error" role="alert"></p><div class="button-row"><button type="submit" class="button main">${t("Set the limit")}</button></div></form>`;
}

/** What the limit would do with the value of now. */
function hint(wizard) {
  const form = wizard.querySelector("form[data-send=limit]");
  if (!form) return;
  const { id, side, limit } = Object.fromEntries(new FormData(form));
  const value = link.readings.get(id)?.value;
  const point = wizard.given.added.points.find((one) => one.point === id);
  const out = form.querySelector(".start-hint");
  const now = Number.isFinite(value) ? `${number(value, point.decimals)} ${point.unit}` : "—";
  if (limit === "" || !Number.isFinite(value)) out.textContent = t("Value now: {value}", { value: now });
  else {
    const past = side.startsWith("H") ? value >= Number(limit) : value <= Number(limit);
    out.textContent = past ? t("Value now: {value}. The alarm will raise as soon as the limit is in force.", { value: now }) : t("Value now: {value}. The alarm will not raise yet.", { value: now });
  }
}

async function set(wizard, form) {
  const given = Object.fromEntries(new FormData(form));
  const words = (text) => (/[\u4e00-\u9fff]/.test(text) ? "zh" : "en");
  const row = { id: given.id, [given.side]: given.limit, priority: given.priority, time_to_respond: given.time_to_respond, [`consequence_${words(given.consequence)}`]: given.consequence, [`corrective_action_${words(given.action)}`]: given.action };
  for (const name of ["dead_band", "on_delay"]) if (given[name] !== "") row[name] = given[name];
  const out = form.querySelector(".start-error");
  out.textContent = "";
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const alarm = `${given.id}.${given.side}`;
  sessionStorage.setItem("anlan-first-alarm", alarm);
  const told = await api.post("/api/v1/plant/additions", { limits: [row], base: wizard.given.version, reason: t("First limit of {point}", { point: given.id }) });
  button.disabled = false;
  if (told.refused) {
    sessionStorage.removeItem("anlan-first-alarm");
    out.textContent = told.refused;
    return;
  }
  waited = alarm;
  location.reload();
}

function raised(wizard) {
  const place = wizard.querySelector(".start-raised");
  if (!place || !waited) return;
  const row = alarms.list().find((one) => one.id === waited);
  const step = wizard.querySelectorAll(".start-steps li");
  step[3].removeAttribute("aria-current");
  step[4].setAttribute("aria-current", "step");
  place.innerHTML = row
    ? `<section class="panel start-first">${symbol(row.priority, row.state)}<div><h2>${t("Your first alarm stands: {alarm}", { alarm: esc(waited) })}</h2><p>${t("It is answered at its post. Sign in there to acknowledge it, or change its limit under Master alarms.")}</p></div><span class="spacer"></span><a class="button main" href="/alarms">${t("All alarms")}</a></section>`
    : `<section class="panel start-first"><div><h2>${t("The limit {alarm} is in force", { alarm: esc(waited) })}</h2><p class="dim">${t("It raises when the value is past it.")}</p></div></section>`;
}
