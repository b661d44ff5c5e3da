// What was ticked as lines of a point list: named, placed and given a range by the person. Limits stay empty unless they are typed.
// "See what changes" asks the node, which names every mistake at its cell; only a list without mistakes can be brought into force.

import { config, esc, label, t } from "./config.js";
import { help } from "./help.js";
import { api } from "./link.js";
import { field, labelled } from "./start_fields.js";
import { topicsOf } from "./start_mqtt.js";

const COLUMNS = [
  ["id", "Tag", "8em"], ["name", "Name", "12em"], ["place", "Place", "9em", "place"], ["kind", "Kind", "11em", "kind"], ["unit", "Unit", "6em"],
  ["range_low", "Range from", "6em", "range"], ["range_high", "Range to", "6em"], ["H", "H", "5em", "limit"], ["L", "L", "5em"],
];
const OPTIONS = { opcua: ["url", "security", "username"], modbus: ["host", "port", "framing", "unit"], mqtt: ["host", "port", "version", "username"] };
let kinds = null;
let seen = null;
/** What was seen, as it was sent: another list must be seen anew. */
let sent = "";

export const points = {
  markup(wizard) {
    const rows = [...wizard.rows.values()];
    const { source } = wizard;
    const own = source.which ? "" : `<section class="panel start-form"><div class="row">${field({ name: "id", words: "Source: id", value: source.id, more: 'data-change="source" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*"' })}${field({ name: "name", words: "Source: name", value: source.name, needed: false, more: `data-change="source" placeholder="${t("as people call it")}"` })}</div></section>`;
    return `${own}<section class="panel"><header><h2>${t("Points")}</h2><span class="dim">${t("Nothing is filled in that the device did not say. Limits H and L may stay empty: the first one is asked for afterwards.")}</span></header>
      <div class="wide-table start-points"><table class="sheet"><thead><tr>${COLUMNS.map(([, words, , about]) => `<th>${t(words)} ${about ? help(about) : ""}</th>`).join("")}<th>${t("Address")}</th><th></th></tr></thead><tbody>${rows.map((row, n) => line(row, n)).join("")}</tbody></table></div>
      <div class="body button-row"><button type="button" class="button" data-act="fill">${t("Place of the first row for all rows without one")}</button></div></section>
      ${placesMarkup(wizard)}<datalist id="start-places">${wizard.given.places.map((one) => `<option value="${esc(one.path)}">${esc(label(one.name))}</option>`).join("")}</datalist><datalist id="start-kinds">${(kinds ?? []).map((one) => `<option value="${esc(one.id)}">${esc(label(one.name))}</option>`).join("")}</datalist>
      <div class="start-seen">${seenMarkup(wizard)}</div><p class="start-error form-error" role="alert"></p><p class="start-busy dim" role="status"></p>
      <footer class="start-foot"><button type="button" class="button" data-act="back">${t("Back")}</button><span class="spacer"></span><button type="button" class="button" data-act="preview">${t("See what changes")}</button><button type="button" class="button main" data-act="add"${ready(wizard) ? "" : " disabled"}>${t("Bring into force")}</button></footer>`;
  },

  async mounted(wizard) {
    if (kinds) return;
    kinds = (await api.get("/api/v1/plant/kinds")).items ?? [];
    wizard.querySelector("#start-kinds").innerHTML = kinds.map((one) => `<option value="${esc(one.id)}">${esc(label(one.name))}</option>`).join("");
  },

  async act(wizard, data, element) {
    if (data.act === "cell") cell(wizard, data, element);
    else if (data.act === "source") rename(wizard, element);
    else if (data.act === "new-place") wizard.extra.places[data.path] = { ...wizard.extra.places[data.path], [data.part]: element.value.trim() };
    else if (data.act === "fill") {
      const rows = [...wizard.rows.values()];
      for (const row of rows) row.place ||= rows[0].place;
      wizard.show();
    } else if (data.act === "drop") {
      wizard.rows.delete([...wizard.rows.keys()][Number(data.row)]);
      wizard.show();
    } else if (data.act === "preview") await preview(wizard);
    else if (data.act === "add") await add(wizard);
  },
};

const nameColumn = (text) => (/[\u4e00-\u9fff]/.test(text) ? "name_zh" : "name_en");

function line(row, n) {
  const problems = (seen?.problems ?? []).filter((one) => one.row === n);
  const cells = COLUMNS.map(([key, words, width]) => {
    const value = key === "name" ? (row.name_zh ?? row.name_en ?? "") : key === "unit" ? (config.units[row.unit] ?? row.unit ?? "") : (row[key] ?? "");
    const own = problems.filter((one) => one.column === key || (key === "name" && one.column.startsWith("name")));
    const about = { place: 'list="start-places"', kind: 'list="start-kinds"' }[key] ?? "";
    const why = own.map((one) => label(one)).join("\n");
    return `<td><input class="field small${own.some((one) => one.fatal) ? " wrong" : ""}" style="width:${width}" data-change="cell" data-row="${n}" data-key="${key}" value="${esc(value)}" aria-label="${t(words)} ${n + 1}" ${about}${why ? ` title="${esc(why)}" aria-invalid="true"` : ""} autocomplete="off" spellcheck="false"></td>`;
  });
  const told = problems.map((one) => `<div class="${one.fatal ? "start-mistake" : "dim"}">${esc(label(one))}</div>`).join("");
  return `<tr>${cells.join("")}<td class="mono dim">${esc(row.topic ? `${row.topic} ${row.path}` : row.address)}</td><td><button type="button" class="button quiet" data-act="drop" data-row="${n}" aria-label="${t("Leave out")} ${esc(row.id ?? n + 1)}">✕</button></td></tr>${told ? `<tr class="told"><td colspan="${COLUMNS.length + 2}">${told}</td></tr>` : ""}`;
}

function cell(wizard, { row, key }, element) {
  const line = [...wizard.rows.values()][Number(row)];
  const value = element.value.trim();
  if (key === "name") {
    delete line.name_zh;
    delete line.name_en;
    line[nameColumn(value)] = value;
  } else line[key] = value;
  if (key === "kind" && !line.unit) line.unit = "";
  changed(wizard);
  if (key === "place") wizard.querySelector(".start-places").outerHTML = placesMarkup(wizard);
}

function rename(wizard, element) {
  wizard.source[element.name] = element.value.trim();
  if (element.name === "id") for (const row of wizard.rows.values()) row.source = wizard.source.id;
  changed(wizard);
}

function changed(wizard) {
  wizard.querySelector("[data-act=add]").disabled = !ready(wizard);
}

const ready = (wizard) => seen !== null && !seen.fatal && sent === JSON.stringify(addition(wizard));

/** Paths that rows name and the plant does not have, those above first. */
function newPlaces(wizard) {
  const known = new Set(wizard.given.places.map((one) => one.path));
  const found = new Set();
  for (const { place } of wizard.rows.values()) {
    const parts = (place ?? "").split("/").filter(Boolean);
    parts.forEach((_, n) => found.add(parts.slice(0, n + 1).join("/")));
  }
  return [...found].filter((path) => !known.has(path)).sort();
}

function placesMarkup(wizard) {
  const posts = Object.entries(wizard.given.posts).map(([id, name]) => [id, label(name) || id]);
  const rows = newPlaces(wizard).map((path) => {
    const given = wizard.extra.places[path] ?? {};
    const post = path.includes("/") ? "" : labelled("Post", "post", (id) => `<select class="field small" id="${id}" data-change="new-place" data-path="${esc(path)}" data-part="post"><option value=""></option>${posts.map(([one, name]) => `<option value="${esc(one)}"${given.post === one ? " selected" : ""}>${esc(name)}</option>`).join("")}</select>`);
    return `<div class="row"><b class="mono">${esc(path)}</b>${labelled("What people call it", "", (id) => `<input class="field small" id="${id}" data-change="new-place" data-path="${esc(path)}" data-part="name" value="${esc(given.name ?? "")}" autocomplete="off">`)}${post}</div>`;
  });
  return `<section class="panel start-places start-form"${rows.length ? "" : " hidden"}><h3>${t("Places that the plant does not have yet")}</h3>${rows.join("")}</section>`;
}

function addition(wizard) {
  const { source } = wizard;
  const rows = [...wizard.rows.values()];
  const mqtt = !source.which && source.driver === "mqtt";
  const lines = rows.map(({ topic, path, time, ...row }) => Object.fromEntries(Object.entries({ ...row, source: source.which || source.id, ...(mqtt ? { address: row.id } : {}) }).filter(([, text]) => text !== "" && text !== undefined)));
  const places = newPlaces(wizard).map((path) => ({ path, name: named(wizard.extra.places[path]?.name || path.split("/").pop()), post: wizard.extra.places[path]?.post ?? "" }));
  const whole = { places, points: lines };
  if (!source.which) whole.source = { id: source.id, driver: source.driver, name: named(source.name), password: source.password ?? "", options: options(source, rows) };
  return whole;
}

const named = (text) => (text ? { [/[\u4e00-\u9fff]/.test(text) ? "zh" : "en"]: text } : {});

function options(source, rows) {
  const given = Object.fromEntries((OPTIONS[source.driver] ?? []).map((name) => [name, source[name]]).filter(([, value]) => value !== undefined && value !== ""));
  for (const name of ["port", "unit"]) if (name in given) given[name] = Number(given[name]);
  if (source.driver === "mqtt") Object.assign(given, { client_id: `anlan-${source.id}`, topics: topicsOf(rows), ...(source.secure === "tls" ? { tls: {} } : {}) });
  return given;
}

async function preview(wizard) {
  const body = addition(wizard);
  const told = await api.post("/api/v1/plant/additions/preview", body);
  seen = told.refused ? null : told;
  sent = told.refused ? "" : JSON.stringify(body);
  if (!told.refused) wizard.given.version = told.version;
  wizard.show();
  wizard.querySelector(".start-error").textContent = told.refused ?? "";
  wizard.querySelector(told.fatal ? ".field.wrong" : "[data-act=add]")?.focus();
}

function seenMarkup(wizard) {
  if (!seen) return "";
  const whole = seen.problems.filter((one) => one.row === null).map((one) => `<p class="${one.fatal ? "start-mistake" : "dim"}">${esc(label(one))}</p>`).join("");
  const mistakes = seen.problems.filter((one) => one.fatal).length;
  const head = seen.fatal ? t("{n} mistakes; each stands at its row. Nothing has changed.", { n: mistakes }) : t("What the next version of the plant would have more");
  const changes = seen.changes.map((one) => `<li>${esc(label(one.text))}</li>`).join("");
  const may = wizard.given.limits || !seen.takes.includes("alarm.configure") ? "" : `<p class="start-mistake">${t("Limits take the right to change alarms, which you do not have: leave them empty.")}</p>`;
  return `<section class="panel"><header><h2>${head}</h2></header>${whole || may || !seen.fatal ? `<div class="body">${whole}${may}${seen.fatal ? "" : `<ul class="start-notes">${changes}</ul>`}</div>` : ""}</section>`;
}

async function add(wizard) {
  const out = wizard.querySelector(".start-error");
  out.textContent = "";
  wizard.querySelector(".start-busy").textContent = t("The new version is brought into force …");
  const button = wizard.querySelector("[data-act=add]");
  button.disabled = true;
  const reason = t("Added at the page Start: {source}", { source: wizard.source.which || wizard.source.id });
  const told = await api.post("/api/v1/plant/additions", { ...addition(wizard), base: wizard.given.version, reason });
  if (told.refused) {
    button.disabled = false;
    wizard.querySelector(".start-busy").textContent = "";
    out.textContent = told.refused;
    return;
  }
  wizard.added = true;
  location.assign(`/start?added=${encodeURIComponent(wizard.source.which || wizard.source.id)}`);
}
