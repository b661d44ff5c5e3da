// The Modbus way: address and ranges → present raw values in several readings; looking again shows which of them move.

import { esc, t } from "./config.js";
import { help } from "./help.js";
import { busy, choose, field, foot } from "./start_fields.js";

let told = null;
/** "hr:100" → how often its raw value was another than before. */
let moved = new Map();
let looks = 0;
const TABLES = { hr: "Holding registers (hr)", ir: "Input registers (ir)", di: "Discrete inputs (di)", co: "Coils (co)" };
const READINGS = ["uint16", "int16", "float32", "float32 CDAB", "uint32", "int32"];

export const modbus = {
  driver: "modbus",
  title: "Modbus TCP device",
  about: "A PLC, gas controller or gateway: scan its registers, see which move, tick them.",
  source: { host: "", port: "502", unit: "1", framing: "tcp", table: "hr", start: "0", count: "50" },

  markup(wizard) {
    const s = wizard.source;
    return `<form class="panel start-form" data-send="scan"><div class="row">
        ${field({ name: "host", words: "Address of the device", value: s.host, more: 'placeholder="192.168.10.20" autofocus' })}
        ${field({ name: "port", words: "Port", value: s.port, kind: "number", more: 'min="1" max="65535"' })}
        ${field({ name: "unit", words: "Unit address", value: s.unit, kind: "number", about: "unit_address", more: 'min="0" max="255"' })}
        ${choose({ name: "framing", words: "Frames", value: s.framing, choices: [["tcp", "Modbus TCP"], ["rtu", "RTU over TCP"]] })}</div><div class="row">
        ${choose({ name: "table", words: "Table", value: s.table, choices: Object.entries(TABLES).map(([id, words]) => [id, t(words)]) })}
        ${field({ name: "start", words: "First address", value: s.start, kind: "number", more: 'min="0" max="65535"' })}
        ${field({ name: "count", words: "How many", value: s.count, kind: "number", more: 'min="1" max="500"' })}
        <button type="submit" class="button main">${looks ? t("Look again") : t("Look at the device")}</button></div>
        <p class="dim">${t("The address is the number on the wire, from 0: 40001 in old manuals is hr:0. Look again to see which values move.")}</p>${busy()}</form>
      ${told ? found(wizard) : ""}${foot(wizard)}`;
  },

  async act(wizard, data, element) {
    if (data.act === "scan") await scan(wizard, element);
    else if (data.act === "tick") pick(wizard, element.closest("tr"));
  },
};

async function scan(wizard, form) {
  wizard.read(form);
  const { host, port, unit, framing, table, start, count } = wizard.source;
  const answer = await wizard.look("modbus/scan", { host, port: Number(port), unit: Number(unit), framing, ranges: [{ table, start: Number(start), count: Number(count) }] }, t("Reading registers …"));
  if (!answer) return;
  const before = new Map((told?.items ?? []).map((one) => [`${one.table}:${one.address}`, one.raw]));
  for (const one of answer.items) {
    const key = `${one.table}:${one.address}`;
    if (before.has(key) && before.get(key) !== one.raw) moved.set(key, (moved.get(key) ?? 0) + 1);
  }
  told = answer;
  looks += 1;
  wizard.show();
}

function found(wizard) {
  const bits = told.items.length && ["co", "di"].includes(told.items[0].table);
  const heads = bits ? [] : READINGS.map((kind) => `<th class="number">${esc(kind)}</th>`);
  const refused = Object.values(told.refusals).reduce((sum, n) => sum + n, 0);
  const notes = [refused ? t("{n} addresses are refused by the device.", { n: refused }) : "", told.cut_short ? t("The device refuses so much that the scan was cut short: choose a narrower range.") : ""].filter(Boolean).join(" ");
  const rows = told.items.map((one) => line(wizard, one, bits)).join("");
  return `<section class="panel"><header><h2>${t("What the registers hold now")}</h2><span class="dim">${esc(notes)}</span></header>${rows ? `<div class="wide-table start-scan"><table class="sheet"><thead><tr><th></th><th>${t("Address")} ${help("address")}</th><th>${t("Moves")}</th><th class="number">${t("Raw")}</th>${heads.join("")}<th>${t("Read as")}</th></tr></thead><tbody>${rows}</tbody></table></div>` : `<div class="empty"><strong>${t("No address of this range answers.")}</strong></div>`}</section>`;
}

function line(wizard, one, bits) {
  const key = `${one.table}:${one.address}`;
  const ticked = [...wizard.rows.keys()].find((address) => address === key || address.startsWith(`${key} `));
  const kind = ticked?.slice(key.length + 1) || "uint16";
  const cells = bits ? "" : READINGS.map((name) => `<td class="number mono">${shown(one.readings[name])}</td>`).join("");
  const choice = bits ? t("a bit") : `<select class="field small" data-change="tick" aria-label="${t("Read as")} ${key}">${READINGS.filter((name) => name in one.readings).map((name) => `<option${name === kind ? " selected" : ""}>${name}</option>`).join("")}</select>`;
  return `<tr data-key="${key}"><td><input type="checkbox" data-change="tick" aria-label="${key}"${ticked ? " checked" : ""}></td><td class="mono">${key}</td><td>${moved.has(key) ? `<b>${t("moved ×{n}", { n: moved.get(key) })}</b>` : `<span class="dim">${looks > 1 ? t("unmoved") : "—"}</span>`}</td><td class="number mono">${one.raw}</td>${cells}<td>${choice}</td></tr>`;
}

function shown(value) {
  return value === undefined ? '<span class="dim">·</span>' : value === null ? "—" : Math.abs(value) >= 1e7 || (value !== 0 && Math.abs(value) < 1e-4) ? value.toExponential(2) : Number(value.toPrecision(7));
}

function pick(wizard, line) {
  const { key } = line.dataset;
  const kind = line.querySelector("select")?.value;
  for (const address of [...wizard.rows.keys()]) if (address === key || address.startsWith(`${key} `)) wizard.rows.delete(address);
  const address = kind && kind !== "uint16" ? `${key} ${kind}` : key;
  wizard.tick(address, { id: key.toUpperCase().replace(":", "-"), period: "1" }, line.querySelector("[type=checkbox]").checked);
}
