// The frame: clock in the site's zone, counts, the newest unacknowledged alarm, lost connection, sound, who is signed in.

import { HIDDEN, UNACKNOWLEDGED, alarms, commonState, stateWords, symbol, worstFirst } from "./alarms.js";
import { config, esc, label, t } from "./config.js";
import { clock, day, shortStamp, span } from "./format.js";
import { headline } from "./sentences.js";
import { wireDoor } from "./door.js";
import "./evacuation.js";
import { showFloods } from "./floods.js";
import { api, link } from "./link.js";
import { whenMounted } from "./mounted.js";
import { sound } from "./sound.js";

const at = (name) => document.querySelector(`[data-shell="${name}"]`);

function showClock() {
  const now = link.now();
  const time = at("clock");
  if (!time) return;
  time.innerHTML = `<b>${clock(now)}</b><small>${day(now)} ${esc(config.zone_word)}</small>`;
}

function showCounts() {
  const rows = alarms.list();
  for (let priority = 1; priority <= 4; priority += 1) {
    const standing = rows.filter((row) => row.priority === priority && !HIDDEN.has(row.state));
    const open = standing.filter((row) => UNACKNOWLEDGED.has(row.state));
    const count = at(`count-${priority}`);
    if (!count) return;
    count.classList.toggle("zero", !standing.length);
    count.innerHTML = `${standing.length ? symbol(priority, commonState(standing)) : symbol(priority).replace("sym p", "sym none p")}${alarms.loaded ? standing.length : "—"}`;
    count.title = t("priority {n}: {standing} standing, {open} unacknowledged", { n: priority, standing: standing.length, open: open.length });
  }
  for (const state of HIDDEN) tally(state, alarms.loaded ? rows.filter((row) => row.state === state).length : null);
}

/** A count of what the alarm list does not show; on every page, because nothing is hidden (DOMAIN.md 3). */
function tally(name, count) {
  const place = at(`hidden-${name}`);
  if (!place) return;
  place.querySelector("b").textContent = count ?? "—";
  place.classList.toggle("some", Boolean(count));
}

function showNewest() {
  const open = alarms.list().filter((row) => UNACKNOWLEDGED.has(row.state)).sort(worstFirst);
  const strip = at("newest");
  if (!strip) return;
  strip.classList.toggle("none", !open.length);
  strip.querySelector(".silence").hidden = !open.length;
  strip.querySelector(".rest").textContent = "";
  if (!open.length) {
    strip.querySelector("a").href = "/alarms";
    strip.querySelector("a").textContent = alarms.loaded ? t("No alarm is unacknowledged.") : "—";
    return;
  }
  const [row] = open;
  const rest = open.length - 1;
  strip.querySelector("a").href = `/alarms?alarm=${encodeURIComponent(row.id)}`;
  strip.querySelector("a").innerHTML =
    `${symbol(row.priority, row.state)}<span class="nowrap">${shortStamp(row.noticed_at, link.now())}</span>` +
    `<b class="nowrap">${esc(row.point || row.source)}</b><span class="what">${esc(headline(row))}</span>` +
    `<span class="more">${esc(stateWords(row.state))}</span>`;
  strip.querySelector(".rest").textContent = rest ? t("{n} more unacknowledged", { n: rest }) : "";
  strip.querySelector(".silence").disabled = !alarms.sounding().length;
}

function showLink() {
  const lost = link.state === "lost" || link.state === "deaf";
  document.body.classList.toggle("link-lost", lost);
  const bar = at("lost");
  if (bar) {
    bar.hidden = !lost;
    const gone = t("Connection to the node lost for {span}: nothing on this screen is live.", { span: span(link.silence() * 1000) });
    const deaf = t("The node's core does not answer: nothing on this screen is live and no alarm is decided here now.");
    bar.querySelector("span").textContent = link.state === "deaf" ? deaf : gone;
  }
  const mark = at("link");
  if (!mark) return;
  mark.className = `link ${link.state}`;
  mark.querySelector("span").textContent = { up: t("live"), deaf: t("lost"), lost: t("lost"), connecting: t("connecting") }[link.state];
}

function showSound() {
  const bar = at("mute");
  if (bar) bar.hidden = !sound.blocked || config.live === false; // who is told no alarms misses no sound
}

/** Changes that wait for this person's word, on the way to where they are decided. */
function showWaiting(count) {
  const way = document.querySelector('.ways a[href="/configuration"]');
  if (!way) return;
  way.querySelector(".waiting")?.remove();
  if (count === null) way.insertAdjacentHTML("beforeend", `<b class="waiting" title="${t("unknown")}">?</b>`);
  if (count) way.insertAdjacentHTML("beforeend", `<b class="waiting" title="${t("{n} requests wait for you", { n: count })}">${count}</b>`);
}

function showFaults() {
  const bar = at("fault");
  if (!bar) return;
  bar.hidden = !link.faults.length;
  bar.querySelector(".what").textContent = link.faults.join(" · ");
}

function showSummary() {
  const sums = link.summary;
  if (!sums) return;
  tally("inhibited", sums.inhibited);
  tally("bypassed", sums.whole.bypassed);
  tally("exercise", sums.exercise);
}

/** Say shortly what became of a step; refusals stay longer. */
export function toast(text, refused = false) {
  const box = document.querySelector(".toasts");
  const note = Object.assign(document.createElement("div"), { className: `toast${refused ? " refused" : ""}`, textContent: text });
  note.setAttribute("role", refused ? "alert" : "status");
  box.append(note);
  setTimeout(() => note.remove(), refused ? 12000 : 4000);
}

/** Whether a key is not the page's own: with a modifier, typed into a field, or meant for a dialog. One that has closed may hold the focus for a moment more; it takes no key. */
export function notForPage(event) {
  const [field, dialog] = ["input, textarea, select", "dialog"].map((kind) => event.target.closest?.(kind));
  const typed = dialog ? dialog.open : field;
  return Boolean(typed || document.querySelector("dialog[open]") || event.ctrlKey || event.altKey || event.metaKey);
}

export async function silence() {
  const refused = await alarms.silence();
  for (const answer of refused) toast(answer.refused, true);
}

function wire() {
  at("newest")?.querySelector(".silence").addEventListener("click", silence);
  at("enable-sound")?.addEventListener("click", async () => {
    if (await sound.enable()) sound.once(3);
    else toast(t("This browser still refuses sound. Allow it for this address in the browser's settings."), true);
  });
  wireWho();
}

/** The person was signed out elsewhere: the picture stays, with nobody signed in, until the next one takes over. */
function showWho({ name, nobody, account }) {
  config.account = account;
  at("who").classList.toggle("nobody", nobody);
  at("who").querySelector("b").textContent = label(name);
  if (nobody) toast(t("Nobody is signed in at this console."), true);
}

function wireWho() {
  wireDoor();
  const dialog = document.getElementById("who-dialog");
  at("who")?.addEventListener("click", () => dialog.showModal());
  dialog?.querySelector(".cancel")?.addEventListener("click", () => dialog.close());
  dialog?.querySelector(".sign-out")?.addEventListener("click", async () => {
    await api.delete("/api/v1/session");
    location.reload();
  });
  for (const choice of document.querySelectorAll(".language a")) choice.addEventListener("click", chooseLanguage);
}

async function chooseLanguage(event) {
  event.preventDefault();
  await api.patch("/api/v1/me", { language: event.currentTarget.lang.slice(0, 2) });
  location.reload();
}

let beat = false;

/** Everything that flashes does so together: one class on the body, twice a second. */
function tick() {
  beat = !beat;
  document.body.classList.toggle("beat", beat);
  if (beat) {
    showClock();
    showLink();
  }
}

function start() {
  document.documentElement.lang = config.language === "zh" ? "zh-CN" : "en";
  wire();
  for (const show of [showClock, showCounts, showNewest, showLink, showSound, showFaults, showFloods]) show();
  setInterval(tick, 500);
  alarms.addEventListener("change", () => {
    showCounts();
    showNewest();
  });
  link.addEventListener("state", showLink);
  link.addEventListener("summary", showSummary);
  link.addEventListener("faults", showFaults);
  link.addEventListener("floods", showFloods);
  link.addEventListener("requests", ({ detail }) => showWaiting(detail));
  link.addEventListener("who", ({ detail }) => showWho(detail));
  sound.addEventListener("change", showSound);
  if (config.live !== false) sound.enable();
  document.querySelector(".ways [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // on a phone the ways are swiped
}

whenMounted(".shell, .wall", (frame) => frame.matches(".shell") && start());
