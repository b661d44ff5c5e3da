// The figure of layers of protection: from each cause down to the consequence, every layer a step on a logarithmic scale of frequency, the target
// a line through all of them. A layer without credit, or one that the plant says is lost, is a step that goes nowhere, with its reason.

import { esc, label, t } from "./config.js";
import { factorText, figure } from "./studies.js";

const SORTS = { cause: "Initiating event", enabling: "Enabling condition", modifier: "Conditional modifier", layer: "Layer" };

export function draw(host, told) {
  const { figure: lopa } = told;
  host.tabIndex = 0; // it scrolls, so the keyboard must reach it
  const scale = scaleOf(lopa);
  const target = `<i class="target" style="left:${scale.at(lopa.target)}%"></i>`;
  const html = `<div class="lopa">
    <dl class="facts-line">${fact("Consequence", esc(label(lopa.consequence)) || "—")}${fact("Unmitigated", perYear(lopa.unmitigated))}${fact("Before safety functions", perYear(lopa.intermediate))}${fact("Mitigated", perYear(lopa.mitigated))}${fact("Target", perYear(lopa.target))}
      <div class="${lopa.against_target > 1 ? "worse" : ""}"><dt>${t("Against the target")}</dt><dd>${factorText(lopa.against_target)}</dd></div>${fact("PFDavg that safety functions need", lopa.needed_pfd === null ? "—" : figure(lopa.needed_pfd))}</dl>
    <div class="wide-table"><table class="sheet"><thead><tr><th>${t("Step")}</th><th class="number">${t("Factor")}</th><th class="track"><div>${scale.ticks.map((power) => `<span style="left:${scale.at(10 ** power)}%">${decade(power)}</span>`).join("")}</div></th><th class="number">${t("Per year")}</th><th>${t("Reason or source")}</th></tr></thead>
      <tbody>${lopa.paths.map((path) => path.steps.map((step, n) => row(step, n ? path.steps[n - 1].frequency : null, scale, target, lopa)).join("")).join("")}
      <tr class="sum"><td><b>${t("All causes")}</b></td><td></td><td class="track"><div>${target}<i class="run" style="left:0;width:${scale.at(lopa.mitigated)}%"></i></div></td><td class="number"><b>${figure(lopa.mitigated)}</b></td><td>${t("Target")} ${figure(lopa.target)}</td></tr></tbody></table></div>
    <h3>${t("What it rests on")}</h3><ul class="remarks">${lopa.remarks.map((one) => `<li>${esc(label(one))}</li>`).join("")}</ul></div>`;
  if (host.lopa !== html) host.innerHTML = host.lopa = html;
}

const perYear = (value) => `${figure(value)} <small>/a</small>`;
const fact = (words, value) => `<div><dt>${t(words)}</dt><dd>${value}</dd></div>`;

/** 10⁻⁷, 0.01. */
const decade = (power) => figure(10 ** power, 1).replace(/^1×/, "");

/** A scale of whole decades around every frequency that is drawn; nothing below a hundred-millionth a year is told apart. */
function scaleOf(lopa) {
  const all = [lopa.target, lopa.mitigated, ...lopa.paths.flatMap((path) => path.steps.map((step) => step.frequency))].filter((one) => one > 0).map(Math.log10);
  const low = Math.max(-12, Math.floor(Math.min(...all)));
  const high = Math.max(low + 1, Math.ceil(Math.max(...all)));
  const every = Math.ceil((high - low) / 10);
  const ticks = Array.from({ length: high - low + 1 }, (_, n) => low + n).filter((power) => (power - low) % every === 0);
  return { ticks, at: (value) => (value > 0 ? Math.min(100, Math.max(0, (100 * (Math.log10(value) - low)) / (high - low))) : 0) };
}

function row(step, before, scale, target, lopa) {
  const lost = step.credited && step.factor !== step.usual;
  const state = lost ? "lost" : step.credited === false ? "refused" : step.what;
  const [from, to] = [scale.at(step.frequency), before === null ? 0 : scale.at(before)];
  const bar = before === null ? `<i class="run" style="left:0;width:${from}%"></i>` : `<i class="run" style="left:${from}%;width:${Math.max(0, to - from)}%"></i>`;
  return `<tr class="${state}"><td><b>${esc(label(step.name))}</b> <small class="dim">${t(SORTS[step.what])}</small></td><td class="number">${step.what === "cause" ? "" : `× ${figure(step.factor)}`}</td><td class="track"><div>${target}${bar}<i class="edge" style="left:${from}%"></i></div></td><td class="number">${figure(step.frequency)}</td><td>${why(step, lost, lopa)}</td></tr>`;
}

function why(step, lost, lopa) {
  if (lost) {
    const facts = lopa.layers.find((one) => one.id === step.id)?.facts.filter((one) => one.adverse) ?? [];
    return `<span class="state">${t("lost: {factor}", { factor: factorText(step.factor / step.usual) })}</span> ${esc(facts.map((one) => label(one.why)).join(" · "))}`;
  }
  if (step.credited === false) return `<span class="state">${t("no credit")}</span> ${esc(step.why ? label(step.why) : "")}`;
  if (step.what !== "layer" && step.factor !== step.usual) return `<span class="state">${t("present now")}</span>`;
  return step.source ? `<span class="dim">${esc(step.source)}</span>` : "";
}
