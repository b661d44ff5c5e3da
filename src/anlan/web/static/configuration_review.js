// What a change means, in words: for a draft, for a request that waits, for a version. The same for all three, so that both persons see one picture.

import { config, esc, label, t } from "./config.js";
import { effectOf } from "./effect.js";
import { stamp } from "./format.js";

const THEN = { ends: "ends", begins: "begins, once its delay has run", "goes on": "goes on", unknown: "not known before it runs" };
export const STATES = { open: "waits", approved: "approved", overridden: "overridden by one person", declined: "declined", withdrawn: "withdrawn", void: "void", expired: "expired" };

const stateOf = (one) => t(unsigned(one) ? "not signed yet" : STATES[one.state]);
const unsigned = (one) => one.state === "open" && one.requester && !one.signed_at;
const text = (pair) => pair[config.language] || pair.en || pair.zh;
const more = (n) => (n ? [t("… and {n} more", { n })] : []);
const listed = (items) => `<ul class="changes">${items.map((one) => `<li>${one}</li>`).join("")}</ul>`;
export const block = (head, items, cls = "") => (items.length ? `<section class="${cls}"><h3>${head}</h3>${listed(items)}</section>` : "");

/** Path → name of the places that this person sees; the page fills it. */
export const PLACES = new Map();

/** Markup of a place: its name, with the path as title; one without a name here keeps its path. */
export const placeOf = (path) => (label(PLACES.get(path) ?? {}) ? `<span title="${esc(path)}">${esc(label(PLACES.get(path)))}</span>` : `<span class="mono">${esc(path)}</span>`);

/** Of a preview, and of a version to be brought back. */
export function reviewOf(told) {
  const alarms = (told.alarms ?? []).map((one) => `<b>${esc(one.alarm)}</b> ${t(THEN[one.then])}`);
  const lacking = (words, places) => (places?.length ? `<p class="form-error">${t(words, { places: places.map(placeOf).join(config.language === "zh" ? "、" : ", ") })}</p>` : "");
  const rights = lacking("You hold no right to configure at: {places}", told.missing_rights) + lacking("You hold no right to add or move what is read at: {places}", told.missing_source_rights);
  return `${rights}${block(`${t("Changes")} (${told.changes.length + (told.more ?? 0)})`, [...told.changes.map((one) => esc(text(one.text))), ...more(told.more)])}
    ${block(t("Takes two persons: it loosens what guards safety"), told.loosened.map((one) => esc(text(one.text))), "two")}
    ${block(t("Readings that are kept already"), (told.history ?? []).map((one) => esc(text(one))))}
    ${block(t("Alarms now"), alarms)}
    ${block(t("Sources that are read anew, a few seconds without values"), (told.sources_read_anew ?? []).map(esc))}
    ${told.effect ? `<section class="tried"><h3>${t("What would have been different")}</h3>${told.effect.why ? `<p class="form-error">${esc(told.effect.why[config.language])}</p>` : effectOf(told.effect)}</section>` : ""}`;
}

export const nameOf = (who) => (who ? label(who.name) || "—" : "");

export function requestLine(one) {
  const asker = one.requester ? esc(nameOf(one.requester)) : `<span class="unknown">${t("machine account {name}", { name: esc(one.account) })}</span>`;
  const rest = Math.max(0, one.loosened.length - 2) + one.more_loosened;
  const what = one.loosened.slice(0, 2).map((each) => esc(text(each))).join("<br>") + (rest ? `<br>… +${rest}` : "");
  const decided = one.decider ? `${esc(nameOf(one.decider))}<small>${esc(stamp(one.decided_at))}</small>` : one.state === "open" ? `<span class="dim">${t("until {time}", { time: stamp(one.expires_at) })}</span>` : "—";
  return `<tr data-id="${one.id}" tabindex="0"><td class="nowrap${one.state === "open" ? " strong" : ""}">${stateOf(one)}</td><td class="nowrap">${esc(stamp(one.asked_at))}</td><td class="nowrap">${asker}</td><td>${what}</td><td>${esc(one.reason)}</td><td class="nowrap">${decided}</td><td>${one.version ? `v${one.version}` : ""}</td></tr>`;
}

export function requestDetails(one) {
  const button = (act, said, main = false) => (one.may.includes(act) ? `<button type="button" class="button${main ? " main" : ""}" data-decide="${act}">${said}</button>` : "");
  const acts = button("sign", t("Sign"), true) + button("approve", t("Approve"), true) + button("take_on", t("Take on"), true) + button("decline", t("Decline")) + button("withdraw", t("Withdraw")) + button("override", t("Override alone…")) + button("end_override", t("End it now"), true) + button("review", t("Review…"), true);
  const asker = one.requester ? nameOf(one.requester) : t("machine account {name}", { name: one.account });
  const taken = one.requester ? "" : `<p class="form-error">${t("The machine's account asked, which is no person: one takes it on, another approves.")}</p>`;
  const bare = unsigned(one) ? `<p class="form-error">${t("Who asked has not signed this yet; until then nobody can approve it.")}</p>` : "";
  return `<div class="top"><div><h2>${stateOf(one)}: ${esc(asker)}</h2><div class="dim">${esc(stamp(one.asked_at))} · ${t("made on version {n}", { n: one.base })} · ${t("until {time}", { time: stamp(one.expires_at) })}</div></div></div>
    <section><h3>${t("Reason")}</h3><p class="strong">${esc(one.reason)}</p>${one.note ? `<p>${one.decider ? `${esc(nameOf(one.decider))}: ` : ""}${esc(one.note)}</p>` : ""}${taken}${bare}</section>
    ${block(t("Void: what it changes has been changed since"), one.in_the_way.map((each) => esc(text(each))), "two")}
    ${block(t("Takes two persons: it loosens what guards safety"), [...one.loosened.map((each) => esc(text(each))), ...more(one.more_loosened)], "two")}
    ${block(t("Changes"), [...one.changes.map((each) => esc(text(each))), ...more(one.more)])}
    ${block(t("Sources that are read anew, a few seconds without values"), one.sources_read_anew.map(esc))}
    ${block(t("Places concerned"), one.places.map(placeOf))}
    ${one.effect ? `<section class="tried"><h3>${t("What would have been different")}</h3>${one.effect.why ? `<p class="form-error">${esc(one.effect.why[config.language])}</p>` : effectOf(one.effect)}</section>` : ""}
    ${one.override ? block(t("Night override"), overrideLines(one.override), one.override.reviewed_at ? "" : "two") : ""}
    <section><div class="button-row">${acts}</div><div class="form-error" role="alert"></div></section>`;
}

/** What one person did alone, how it ended, and what a second said of it. */
function overrideLines(one) {
  const ended = one.ended_by ? t("ended {time} by {name}, version {n}", { time: stamp(one.ended_at), name: esc(one.ended_by), n: one.ended_version }) : t("ended {time} by itself, version {n}", { time: stamp(one.ended_at), n: one.ended_version });
  const reviewed = one.reviewed_at ? `${t("reviewed {time} by {name}: {verdict}", { time: stamp(one.reviewed_at), name: esc(label(one.reviewer)), verdict: t(one.verdict) })} · ${esc(one.review)}` : t("not reviewed yet");
  return [t("{alarms}, from {began} until {ends}", { alarms: esc(one.alarms.join(", ")), began: stamp(one.began_at), ends: stamp(one.ends_at) }), one.ended_at ? ended : t("runs, ends by itself"), ...(one.ended_at ? [reviewed] : [])];
}

export function versionLine(one) {
  const by = one.approved_by ? `<small>${t("approved by {name}", { name: esc(label(one.approved_by)) })}</small>` : "";
  return `<tr data-id="${one.number}" tabindex="0"><td class="strong">v${one.number}</td><td class="nowrap">${esc(stamp(one.at))}</td><td>${esc(one.author)}${by}</td><td>${esc(one.reason)}</td></tr>`;
}
