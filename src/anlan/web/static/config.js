// What the page was told by the server: language, zone, words, units, who is signed in. Nothing here is asked for again.

const given = document.getElementById("anlan-config");

export const config = given ? JSON.parse(given.textContent) : { language: "zh", zone: "UTC", words: {}, units: {}, quality: {} };

/** The msgid in the page's language, its {facts} filled in. The catalogue is the server's .po files (client_words.py). */
export function t(msgid, facts) {
  const text = config.words[msgid] ?? missing(msgid);
  return facts ? text.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? String(facts[name]) : whole)) : text;
}

function missing(msgid) {
  console.error(`no words were sent for: ${msgid}`);
  return msgid;
}

/** A {zh, en} pair in the page's language. */
export function label(pair) {
  if (!pair) return "";
  if (typeof pair === "string") return pair;
  return config.language === "zh" ? pair.zh || pair.en || "" : pair.en || pair.zh || "";
}

/** The unit as it is printed for a row that carries `unit_text`: "MPa(表)", "℃"; a code alone is looked up. */
export const unitOf = (row) => (row.states ? "" : row.unit_text ? label(row.unit_text) : (config.units[row.unit] ?? row.unit ?? ""));

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text made safe for markup. Everything that came from the plant or a person passes through here. */
export const esc = (text) => String(text ?? "").replace(/[&<>"']/g, (c) => ESCAPES[c]);
