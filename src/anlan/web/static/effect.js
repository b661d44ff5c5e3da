// What a trial found (POST /api/v1/replay/what-if), in words: on the page of trials and where a rule is changed.

import { esc, t } from "./config.js";
import { span as spanWords, stamp } from "./format.js";

export const WHATS = { added: "added", gone: "gone", merged: "merged", earlier: "earlier", later: "later" };

const signed = (n) => (n ? `${n > 0 ? "+" : "−"}${Math.abs(n)}` : "±0");

/** Sum, counts, what is missed, and what is not known. An effect that nobody knows is said, never shown as none. */
export function effectOf(answer) {
  const { effect } = answer;
  const doubt = (words) => `<p class="form-error">${words}</p>`;
  const notes = [
    answer.unknown.length && `<p class="unknown">${t("No history yet of {alarms}: what the change would have done is unknown.", { alarms: esc(answer.unknown.join(", ")) })}</p>`,
    answer.cut_at && doubt(t("The span held too many readings: only up to {time} was replayed.", { time: stamp(answer.cut_at) })),
    answer.links_from && doubt(t("The journal held too many transitions: whether a source was in view before {time} is not known.", { time: stamp(answer.links_from) })),
    effect && answer.history_from && `<p class="dim">${t("The history begins at {time}: nothing before it was replayed.", { time: stamp(answer.history_from) })}</p>`,
  ];
  return (effect ? counted(effect) : `<div class="sum unknown">${t("effect unknown")}</div>`) + notes.filter(Boolean).join("") + (effect ? missed(effect) : "");
}

function counted(effect) {
  const counts = Object.entries(WHATS).map(([what, words]) => `<li><b>${effect.counts[what]}</b> ${t(words)}</li>`);
  const quiet = [
    effect.chattering_removed.length && t("no longer chattering: {alarms}", { alarms: effect.chattering_removed.join(", ") }),
    effect.chattering_added.length && t("chattering now: {alarms}", { alarms: effect.chattering_added.join(", ") }),
  ].filter(Boolean);
  return `<div class="sum">${t("{before} → {after} alarms ({change}), {missed} missed", { before: effect.before, after: effect.after, change: signed(effect.after - effect.before), missed: effect.missed.length })}</div>
    <ul class="counts">${counts.join("")}</ul>${quiet.map((words) => `<p>${esc(words)}</p>`).join("")}`;
}

function missed(effect) {
  const entries = [...effect.missed, ...effect.later];
  if (!entries.length) return "";
  const lines = entries.slice(0, 20).map((one) => {
    const words = one.after === null ? t("no longer announced") : t("later by {span}", { span: spanWords(one.after - one.before) });
    return `<li>${esc(stamp(one.before))} <b>${esc(one.name)}</b> ${esc(words)}</li>`;
  });
  return `<div class="missed"><b>${t("Grave alarms that are missed or late")}</b><ul>${lines.join("")}</ul></div>`;
}
