// The source cards and the node's own health.

import { esc, t } from "./config.js";
import { span, stamp } from "./format.js";
import { api, link } from "./link.js";
import { whenMounted } from "./mounted.js";
import { linkWords, rateFigure } from "./source_words.js";

const rows = new Map();

function show(card) {
  const row = rows.get(card.dataset.source);
  if (!row) return;
  card.className = `panel source ${row.state}`;
  card.querySelector(".link-state").textContent = linkWords(row.state);
  const put = (name, text, wrong = false) => {
    const fact = card.querySelector(`[data-fact="${name}"]`);
    fact.hidden = text === undefined || text === "";
    fact.classList.toggle("wrong", wrong);
    fact.querySelector("b").textContent = text;
  };
  put("since", row.since ? `${stamp(row.since)} · ${t("for {span}", { span: span(link.now() - row.since) })}` : "");
  put("reason", row.state === "up" ? "" : row.reason, true);
  put("rate", rateFigure(row.rate));
  put("last", row.heard_at ? t("{span} ago", { span: span(link.now() - row.heard_at) }) : "—");
  put("good", row.good);
  put("uncertain", row.uncertain);
  put("bad", row.bad, row.bad > 0);
  put("no_data", row.no_data, row.no_data > 0);
  put("duplicates", row.duplicates);
  put("dropped", row.dropped || "", true);
}

/** What the core says of itself, in the order in which a reading passes: log, engine, history, app. */
async function showHealth(place) {
  const status = await api.get("/api/v1/status");
  const note = document.querySelector("[data-health-note]");
  note.textContent = status.refused ?? "";
  if (status.refused) return;
  place.innerHTML = facts(status).map(([name, text, wrong]) => `<span class="fact${wrong ? " wrong" : ""}${String(text).length > 24 ? " wide" : ""}"><small>${t(name)}</small><b>${esc(text)}</b></span>`).join("");
}

function facts({ core, app, version, plant }) {
  const found = [
    ["Version", version],
    ["Plant configuration", plant.version],
    ["Core process", core.connected ? t("connected") : t("no connection"), !core.connected],
  ];
  if (core.connected) found.push(...coreFacts(core));
  for (const [part, fault] of Object.entries(app.faults)) found.push(["Fault", `${part}: ${fault}`, true]);
  return found;
}

function coreFacts({ log, engine, history }) {
  const lag = (done) => t("{n} frames behind", { n: Math.max(0, log.last - done) });
  const faults = [log, engine, history].filter((part) => part?.fault).map((part) => ["Fault", part.fault, true]);
  return [
    ["Log on disk", `${(log.bytes / 2 ** 20).toFixed(1)} MiB`],
    ["Frames in the log", `${log.first}–${log.last}`],
    ["Engine", lag(engine.done)],
    ["Readings decided", engine.readings?.toLocaleString("en").replaceAll(",", " ") ?? "—"],
    ["Alarms standing", engine.standing ?? "—"],
    ["History", history.cursor == null ? "—" : lag(history.cursor)],
    ...faults,
  ];
}

whenMounted(".sources-page", (page) => {
  const cards = [...page.querySelectorAll(".source")];
  const showAll = () => cards.forEach(show);
  link.addEventListener("sources", ({ detail }) => {
    for (const row of detail) rows.set(row.id, row);
    showAll();
  });
  link.addEventListener("state", () => {
    if (link.state === "up" || link.state === "connecting") return;
    for (const row of rows.values()) row.state = "unknown";
    showAll();
  });
  setInterval(showAll, 1000);
  const health = page.querySelector("[data-health]");
  showHealth(health);
  setInterval(() => document.visibilityState === "visible" && showHealth(health), 5000);
});
