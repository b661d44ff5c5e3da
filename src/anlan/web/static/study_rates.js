// Beside a study: the failure data that it rests on, and what it would say with this plant's own. The study itself keeps what was written.

import { esc, label, t } from "./config.js";
import { number } from "./format.js";
import { api } from "./link.js";
import { factorText, figure } from "./studies.js";

/** Fills `host`; hidden for a study that asks for no failure data. */
export async function plantFigures(host, study) {
  const told = await api.get(`/api/v1/risk/studies/${encodeURIComponent(study)}/plant-figures`);
  host.hidden = !told.refused && !told.items.length;
  const notes = [...(told.missing ?? []), ...(told.limits ?? [])].map((one) => `<p class="remark">${esc(label(one))}</p>`).join("");
  if (host.hidden) return;
  const title = `<header><h2>${t("This plant's own failure data")}</h2>${told.refused ? "" : summary(told)}</header>`;
  if (told.refused) return void (host.innerHTML = `${title}<p class="form-error">${esc(told.refused)}</p>`);
  const head = ["Class and mode", "Published", "Counted here", "This plant"].map((words, n) => `<th${n % 2 ? ' class="number"' : ""}>${t(words)}</th>`).join("");
  host.innerHTML = `${title}<div class="wide-table"><table class="sheet"><thead><tr>${head}</tr></thead><tbody>${told.items.map(line).join("")}</tbody></table></div>${notes}`;
}

function summary(told) {
  const unit = esc(told.unit);
  if (told.of_plant === null) return `<span class="dim">${esc(label(told.why))}</span>`;
  return `<span>${t("Baseline")} ${figure(told.baseline)} ${unit} → <b class="${told.factor > 1.005 ? "worse" : ""}">${figure(told.of_plant)} ${unit} ${factorText(told.factor)}</b> <span class="dim">${t("the study itself keeps the published figures")}</span></span>`;
}

function line(row) {
  const unit = row.per === "hour" ? t("per hour") : t("per demand");
  const counted = row.taken === "prior" ? `<span class="dim">—</span>` : `${t("{n} failures", { n: row.failures })} · ${row.per === "hour" ? t("{n} h", { n: number(row.exposure, 0) }) : t("{n} demands", { n: row.exposure })}`;
  const own = row.taken === "prior" ? `<span class="dim">—</span>` : `${figure(row.used.mean)}<div class="dim">${figure(row.used.low)} … ${figure(row.used.high)}</div>`;
  return `<tr><td><a href="/risk/failures?class=${encodeURIComponent(row.equipment)}">${esc(label(row.equipment_label))}</a><div class="dim">${esc(label(row.mode_label))}</div></td><td class="number">${figure(row.prior.mean)} ${unit}${row.checked ? "" : `<div><span class="unchecked">${t("text not checked")}</span></div>`}</td><td>${counted}${row.remarks.map((one) => `<div class="remark">${esc(label(one))}</div>`).join("")}</td><td class="number">${own}</td></tr>`;
}
