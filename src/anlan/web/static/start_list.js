// The way of a plant's own list: pasted from Excel or a file; columns are recognised by their headings, and what was not understood is told.

import { esc, label, t } from "./config.js";
import { busy, choose, field } from "./start_fields.js";

let told = null;
let text = "";

export const list = {
  driver: "list",
  title: "Excel list",
  about: "Paste the point list as it is kept in Excel, or choose the file: headings in Chinese or English are recognised.",
  source: {},

  markup(wizard) {
    const known = wizard.given.sources.map((one) => [one.id, `${one.id} (${one.driver})`]);
    const drivers = [["modbus", "Modbus TCP"], ["opcua", "OPC UA"]];
    const { source } = wizard;
    const which = source.which ?? (known.length ? known[0][0] : "");
    const fresh = which === "" ? `${choose({ name: "driver", words: "Driver", value: source.driver, choices: drivers, change: "driver" })}${field({ name: "id", words: "Name in addresses (id)", value: source.id ?? "", more: 'pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*"' })}${source.driver === "opcua" ? field({ name: "url", words: "Address of the server", value: source.url ?? "", more: 'placeholder="opc.tcp://192.168.10.30:4840"' }) : `${field({ name: "host", words: "Address of the device", value: source.host ?? "" })}${field({ name: "port", words: "Port", value: source.port ?? "502", kind: "number" })}`}` : "";
    return `<form class="panel start-form" data-send="read">
        <label class="labelled"><span>${t("Paste the rows here, headings included")}</span><textarea class="field" name="text" rows="9" spellcheck="false" autofocus>${esc(text)}</textarea></label>
        <div class="row"><label class="labelled"><span>${t("or choose a file (.xlsx, .csv)")}</span><input class="field" type="file" name="file" accept=".xlsx,.xlsm,.csv,.tsv,.txt"></label>
        ${choose({ name: "which", words: "Source that the list's addresses belong to", value: which, choices: [...known, ["", t("a new source")]], change: "which" })}${fresh}
        <button type="submit" class="button main">${t("Read the list")}</button></div>${busy()}</form>${told ? found() : ""}
      <footer class="start-foot"><button type="button" class="button" data-act="back">${t("Back")}</button><span class="spacer"></span><span class="dim" data-count>${t("{n} ticked", { n: wizard.rows.size })}</span><button type="button" class="button main" data-act="points"${wizard.rows.size ? "" : " disabled"}>${t("Name the points")}</button></footer>`;
  },

  async act(wizard, data, element) {
    const form = wizard.querySelector("form");
    text = form.elements.text.value;
    wizard.read(form);
    if (data.act === "which" || data.act === "driver") {
      if (wizard.source.which === "" && !wizard.source.driver) wizard.source.driver = "modbus";
      wizard.show();
    } else if (data.act === "read") await read(wizard, form);
  },
};

async function read(wizard, form) {
  const file = form.elements.file.files[0];
  const out = wizard.querySelector(".start-error");
  out.textContent = "";
  if (!file && !text.trim()) {
    out.textContent = t("Paste rows or choose a file first.");
    return;
  }
  const source = wizard.source.which === "" ? wizard.source.id : wizard.source.which;
  const query = new URLSearchParams({ name: file?.name ?? "paste.tsv", source });
  const answer = await fetch(`/api/v1/plant/lists/read?${query}`, { method: "POST", credentials: "same-origin", headers: { Accept: "application/json", "Content-Type": "application/octet-stream" }, body: file ?? new Blob([text]) });
  const body = await answer.json();
  if (!answer.ok) {
    out.textContent = body.detail ?? body.title;
    return;
  }
  told = body;
  wizard.rows.clear();
  body.rows.forEach((row, n) => wizard.rows.set(n, row));
  wizard.show();
}

function found() {
  const columns = Object.entries(told.columns).map(([ours, theirs]) => `<span class="start-column"><b>${esc(theirs)}</b> → ${esc(ours)}</span>`).join("");
  const notes = told.notes.slice(0, 200).map((one) => `<li>${t("line {n}", { n: one.line })}: ${esc(label(one))}</li>`).join("");
  const unknown = told.unknown.length ? `<p>${t("Columns that were not understood and are left out: {columns}", { columns: esc(told.unknown.join(", ")) })}</p>` : "";
  const missing = told.missing.length ? `<p>${t("Still to be filled in: {columns}", { columns: esc(told.missing.map(label).join(", ")) })}</p>` : "";
  return `<section class="panel"><header><h2>${t("{n} points were read", { n: told.rows.length })}</h2><span class="dim">${esc(told.sheet)}</span></header><div class="body"><p>${columns}</p>${unknown}${missing}${notes ? `<ul class="start-notes">${notes}</ul>` : ""}</div></section>`;
}
