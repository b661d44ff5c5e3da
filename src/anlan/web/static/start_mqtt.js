// The MQTT way: broker and filter → some seconds of listening → topics with their last message, ticked field by field.

import { esc, t } from "./config.js";
import { help } from "./help.js";
import { busy, choose, field, foot } from "./start_fields.js";

let told = null;
/** Topic → path of its own time, "" for the time of arrival. */
const times = new Map();

export const mqtt = {
  driver: "mqtt",
  title: "MQTT broker",
  about: "Messages in JSON from gateways and tags: listen for some seconds, tick the fields that are wanted.",
  source: { host: "", port: "1883", version: "3.1.1", secure: "", filter: "#", seconds: "5", username: "", password: "" },

  markup(wizard) {
    const s = wizard.source;
    return `<form class="panel start-form" data-send="listen"><div class="row">
        ${field({ name: "host", words: "Address of the broker", value: s.host, more: 'placeholder="192.168.10.40" autofocus' })}
        ${field({ name: "port", words: "Port", value: s.port, kind: "number", more: 'min="1" max="65535"' })}
        ${choose({ name: "version", words: "Version", value: s.version, choices: [["3.1.1", "MQTT 3.1.1"], ["5", "MQTT 5"]] })}
        ${choose({ name: "secure", words: "Security", value: s.secure, choices: [["", t("without security")], ["tls", "TLS"]], about: "security" })}
        ${field({ name: "username", words: "User name", value: s.username, needed: false })}${field({ name: "password", words: "Password", value: s.password, needed: false, kind: "password" })}</div><div class="row">
        ${field({ name: "filter", words: "Topic filter", value: s.filter, about: "topics" })}
        ${field({ name: "seconds", words: "Listen for (s)", value: s.seconds, kind: "number", more: 'min="1" max="12"' })}
        <button type="submit" class="button main">${t("Listen")}</button></div>${busy()}</form>${told ? found(wizard) : ""}${foot(wizard)}`;
  },

  async act(wizard, data, element) {
    if (data.act === "listen") await listen(wizard, element);
    else if (data.act === "time") {
      times.set(data.topic, element.value);
      for (const row of wizard.rows.values()) if (row.topic === data.topic) row.time = element.value;
    } else if (data.act === "tick") {
      const id = `${data.topic.split("/").pop()}.${data.path.split(".").pop()}`.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-_.$]+/, "");
      wizard.tick(`${data.topic} ${data.path}`, { id, reporting: "on_change", topic: data.topic, path: data.path, time: times.get(data.topic) ?? "" }, element.checked);
    }
  },
};

async function listen(wizard, form) {
  wizard.read(form);
  const { host, port, version, secure, filter, seconds, username, password } = wizard.source;
  const answer = await wizard.look("mqtt/listen", { host, port: Number(port), version, tls: secure === "tls", filter, seconds: Number(seconds), username, password }, t("Listening for {n} s …", { n: seconds }));
  if (!answer) return;
  told = answer;
  wizard.show();
}

function found(wizard) {
  const topics = told.items.map((one) => topic(wizard, one)).join("");
  const more = told.left_out ? `<p class="dim">${t("{n} more are not shown", { n: told.left_out })}</p>` : "";
  return `<section class="panel"><header><h2>${t("Topics that spoke")}</h2>${help("topics")}</header><div class="body start-topics">${topics || `<div class="empty"><strong>${t("Nothing was heard within {n} s.", { n: told.seconds })}</strong><span>${t("Listen longer, or try the filter #.")}</span></div>`}${more}</div></section>`;
}

function topic(wizard, one) {
  const fields = one.fields.map(({ path, value }) => `<label class="tree-row"><input type="checkbox" data-change="tick" data-topic="${esc(one.topic)}" data-path="${esc(path)}"${wizard.rows.has(`${one.topic} ${path}`) ? " checked" : ""}><span class="name mono">${esc(path)}</span><b class="mono">${esc(value)}</b></label>`).join("");
  const clock = one.times.length ? `<label class="labelled inline"><span>${t("Time of the reading")}</span><select class="field small" data-change="time" data-topic="${esc(one.topic)}"><option value="">${t("when it arrives")}</option>${one.times.map((path) => `<option${times.get(one.topic) === path ? " selected" : ""}>${esc(path)}</option>`).join("")}</select></label>` : "";
  return `<article><h3><span class="mono strong">${esc(one.topic)}</span> <span class="dim">×${one.messages}${one.retained ? ` · ${t("retained")}` : ""}</span></h3>${one.json ? fields + clock : `<p class="dim">${t("The message is no JSON: {text}", { text: esc(one.payload.slice(0, 60)) })}</p>`}</article>`;
}

/** Options of the source: one entry of `topics` for each topic, its fields named by the points' ids, which are the addresses too. */
export function topicsOf(rows) {
  const topics = new Map();
  for (const row of rows) {
    if (!topics.has(row.topic)) topics.set(row.topic, { filter: row.topic, point: "{field}", fields: {}, ...(row.time ? { time: row.time } : {}) });
    topics.get(row.topic).fields[row.id] = row.path;
  }
  return [...topics.values()];
}
