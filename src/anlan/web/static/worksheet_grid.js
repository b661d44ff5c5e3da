// The lines of a worksheet as a table one types into: arrows move, Enter or a key writes, Escape turns back, Delete clears, cells of Excel are pasted.
// Cells hold what the node keeps (a choice is its id); products and colours come from the node alone.

import { esc, label, t } from "./config.js";

export const LEVELS = () => ({ red: t("major, red"), orange: t("considerable, orange"), yellow: t("moderate, yellow"), blue: t("low, blue"), unassessed: t("not assessed") });

/** A risk level: an area with its word, never a shape (DOMAIN 17). */
export function fill(colour, words) {
  const name = LEVELS()[colour];
  return `<span class="risk-area ${esc(colour)}">${esc(name)}${words === undefined ? "" : ` <b>${esc(words)}</b>`}</span>`;
}

export class Grid {
  constructor(place, told, edits) {
    Object.assign(this, { place, edits, columns: told.columns });
    this.rows = told.lines.map((one) => ({ id: one.id, cells: { ...one.cells }, score: one.score, missing: one.missing }));
    this.mistakes = new Map();
    place.addEventListener("keydown", (event) => this.key(event));
    place.addEventListener("dblclick", ({ target }) => this.write(target.closest("td[data-at]")));
    place.addEventListener("paste", (event) => this.paste(event));
    place.addEventListener("click", ({ target }) => target.closest("button.drop") && this.drop(target.closest("tr").rowIndex - 1));
    this.draw();
  }

  lines() {
    return this.rows.map(({ id, cells }) => ({ id, cells: Object.fromEntries(Object.entries(cells).filter(([, text]) => text)) }));
  }

  draw() {
    const heads = this.columns.map((one) => `<th title="${esc(label(one.help) || "")}">${esc(label(one.words))}${one.required || one.type === "factor" ? "<b aria-hidden=\"true\"> *</b>" : ""}</th>`);
    this.place.innerHTML = `<table class="sheet grid ${this.edits ? "edits" : ""}"><thead><tr><th>#</th>${heads.join("")}${this.edits ? "<th></th>" : ""}</tr></thead><tbody>${this.rows.map((row, at) => this.line(row, at)).join("")}</tbody></table>${this.rows.length ? "" : `<p class="nothing dim">${t("No line yet: add one, or paste cells from Excel here.")}</p>`}`;
    this.body = this.place.querySelector("tbody");
  }

  line(row, at) {
    const cells = this.columns.map((column, n) => this.cell(row, column, at, n)).join("");
    const drop = this.edits ? `<td><button type="button" class="button quiet drop" aria-label="${t("Take line {n} out", { n: at + 1 })}">✕</button></td>` : "";
    return `<tr class="${row.score ? `risk-row ${esc(row.score.colour)}` : ""}"><th scope="row">${at + 1}</th>${cells}${drop}</tr>`;
  }

  cell(row, column, at, n) {
    const mistake = this.mistakes.get(`${at}/${column.name}`);
    const missing = row.missing?.includes(column.name);
    const classes = [column.type, missing ? "missing" : "", mistake ? "mistaken" : ""].filter(Boolean).join(" ");
    const text = column.type === "computed" ? computed(row, column) : esc(shown(column, row.cells[column.name] ?? ""));
    const first = at === 0 && n === 0 ? 0 : -1;
    return `<td class="${classes}" data-at="${at}" data-column="${n}" tabindex="${first}"${mistake ? ` title="${esc(mistake)}" aria-invalid="true"` : ""}>${text}</td>`;
  }

  scored({ lines, mistakes }) {
    this.mistakes = new Map(mistakes.map((one) => [`${one.line - 1}/${one.column}`, label(one.text)]));
    for (const [at, one] of lines.entries()) if (this.rows[at]) Object.assign(this.rows[at], { score: one.score, missing: one.missing });
    for (const [at, row] of this.rows.entries()) {
      const tr = this.body.rows[at];
      if (!tr) continue;
      tr.className = row.score ? `risk-row ${row.score.colour}` : "";
      for (const [n, column] of this.columns.entries()) {
        const td = tr.cells[n + 1];
        if (td.querySelector(".writing")) continue;
        const holder = document.createElement("tr");
        holder.innerHTML = this.cell(row, column, at, n);
        const made = holder.firstChild;
        made.tabIndex = td.tabIndex;
        if (td.outerHTML === made.outerHTML) continue;
        const focused = document.activeElement === td;
        td.replaceWith(made);
        if (focused) made.focus();
      }
    }
  }

  /** The lines of one colour alone; "" all. What is hidden is kept like the others. */
  show(colour) {
    for (const [at, row] of this.rows.entries()) this.body.rows[at].hidden = Boolean(colour) && (row.score?.colour ?? "unassessed") !== colour;
  }

  changed() {
    this.place.dispatchEvent(new CustomEvent("grid-change", { bubbles: true }));
  }

  add(cells = {}) {
    this.rows.push({ id: this.freeId(), cells, score: null, missing: [] });
    this.draw();
    this.focus(this.rows.length - 1, 0);
    this.changed();
  }

  append(lines) {
    for (const cells of lines) this.rows.push({ id: this.freeId(), cells, score: null, missing: [] });
    this.draw();
    this.changed();
  }

  freeId() {
    const taken = new Set(this.rows.map((one) => one.id));
    let n = this.rows.length + 1;
    while (taken.has(`r${n}`)) n += 1;
    return `r${n}`;
  }

  drop(at) {
    this.rows.splice(at, 1);
    this.draw();
    this.focus(Math.min(at, this.rows.length - 1), 0);
    this.changed();
  }

  focus(at, n) {
    const td = this.body?.rows[at]?.cells[n + 1];
    if (!td?.dataset.at) return;
    this.body.querySelector('td[tabindex="0"]')?.setAttribute("tabindex", "-1");
    td.tabIndex = 0;
    td.focus();
    td.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  key(event) {
    const td = event.target.closest("td[data-at]");
    if (!td || event.target !== td) return;
    const [at, n] = [Number(td.dataset.at), Number(td.dataset.column)];
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) this.focus(at + step[0], n + step[1]);
    else if (event.key === "Home" || event.key === "End") this.focus(at, event.key === "Home" ? 0 : this.columns.length - 1);
    else if (!this.writable(n)) return;
    else if (event.key === "Delete" || event.key === "Backspace") this.put(at, n, "", true);
    else if (event.key === "Enter" || event.key === "F2") this.write(td);
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) this.write(td, event.key);
    else return;
    event.preventDefault();
  }

  writable(n) {
    return this.edits && this.columns[n] && this.columns[n].type !== "computed";
  }

  put(at, n, text, tell) {
    const column = this.columns[n];
    this.rows[at].cells[column.name] = kept(column, text);
    const td = this.body.rows[at].cells[n + 1];
    td.textContent = shown(column, this.rows[at].cells[column.name]);
    if (column.type === "factor") this.unscored(at);
    if (tell) this.changed();
  }

  /** Until the node has scored it anew, a line shows no product of before. */
  unscored(at) {
    this.rows[at].score = undefined;
    for (const [n, column] of this.columns.entries()) if (column.type === "computed") this.body.rows[at].cells[n + 1].textContent = "…";
  }

  /** An input in the cell; `begun`: the key that began it. */
  write(td, begun = "") {
    if (!td || !this.writable(Number(td.dataset.column)) || td.querySelector(".writing")) return;
    const [at, n] = [Number(td.dataset.at), Number(td.dataset.column)];
    const column = this.columns[n];
    const now = this.rows[at].cells[column.name] ?? "";
    const chosen = column.choices.length > 0 && column.type !== "choices";
    td.innerHTML = input(column, chosen ? now : begun || shown(column, now), td.textContent);
    const field = td.querySelector(".writing");
    let over = false;
    const end = (keep, down) => {
      if (over) return;
      over = true;
      if (keep && kept(column, field.value) !== now) this.put(at, n, field.value, true);
      else td.textContent = shown(column, now);
      if (down !== undefined) this.focus(at + down, n);
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") end(false, 0);
      else if (event.key === "Enter" && !event.altKey && !event.shiftKey) end(true, 1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    field.addEventListener("blur", () => end(true));
    field.focus();
    if (!chosen) field.setSelectionRange?.(field.value.length, field.value.length);
  }

  /** Cells of Excel, from the chosen one to the right and down; lines that are missing are made. */
  paste(event) {
    const td = document.activeElement?.closest?.("td[data-at]");
    if (event.target.closest?.(".writing") || (!td && this.rows.length) || !this.edits) return;
    event.preventDefault();
    const table = tabbed(event.clipboardData.getData("text/plain"));
    const [at, n] = td ? [Number(td.dataset.at), Number(td.dataset.column)] : [0, 0];
    while (this.rows.length < at + table.length) this.rows.push({ id: this.freeId(), cells: {}, score: undefined, missing: [] });
    for (const [down, cells] of table.entries()) for (const [right, text] of cells.entries()) if (this.writable(n + right)) Object.assign(this.rows[at + down].cells, { [this.columns[n + right].name]: kept(this.columns[n + right], text) });
    for (const [down] of table.entries()) this.rows[at + down].score = undefined;
    this.draw();
    this.focus(at, n);
    this.changed();
  }
}

/** What Excel puts on the clipboard: tabs between cells, quotation marks around a cell of several lines. */
export function tabbed(text) {
  const rows = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^\t\n]*))(\t|\n|$)/gy;
  const clean = text.replaceAll("\r\n", "\n").replace(/\n$/, "");
  while (cell.lastIndex <= clean.length) {
    const found = cell.exec(clean);
    if (!found) break;
    rows.at(-1).push(found[1] !== undefined ? found[1].replaceAll('""', '"') : found[2]);
    if (found[3] === "") break;
    if (found[3] === "\n") rows.push([]);
  }
  return rows;
}

const say = (column, choice) => (column.type === "factor" || /^\d+$/.test(choice.id) ? `${choice.id} ${label(choice.words)}` : label(choice.words));

/** What stands in a cell, in words. */
export function shown(column, text) {
  if (column.type === "choices") return text.split("; ").filter(Boolean).map((id) => label(column.choices.find((one) => one.id === id)?.words ?? {}) || id).join("; ");
  if (!column.choices.length) return text;
  const found = column.choices.find((one) => one.id === text);
  return found ? say(column, found) : text;
}

/** What is kept of what was typed or pasted: a choice by its id where it is one; else as it is, and the node names it. */
function kept(column, text) {
  const one = (part) => {
    const wanted = part.normalize("NFKC").trim().toLowerCase();
    return column.choices.find((choice) => [choice.id, choice.words.zh, choice.words.en, say(column, choice)].some((name) => name && name.normalize("NFKC").toLowerCase() === wanted))?.id ?? part.trim();
  };
  if (column.type === "choices") return text.split(/[;；]/).map(one).filter(Boolean).join("; ");
  return column.choices.length ? one(text) : text.trim();
}

function input(column, value) {
  const name = ` aria-label="${esc(label(column.words))}"`;
  if (column.choices.length && column.type !== "choices") return `<select class="field writing"${name}><option value=""></option>${column.choices.map((one) => `<option value="${esc(one.id)}"${one.id === value ? " selected" : ""}>${esc(say(column, one))}</option>`).join("")}</select>`;
  if (column.type === "words") return `<textarea class="field writing" rows="3" maxlength="2000"${name}>${esc(value)}</textarea>`;
  const help = label(column.help) || (column.choices.length ? column.choices.map((one) => label(one.words)).join("; ") : "");
  return `<input class="field writing" value="${esc(value)}" maxlength="1000" placeholder="${esc(help)}"${name}>`;
}

function computed(row, column) {
  if (row.score === undefined) return "…";
  if (column.name === "product") return row.score ? `<span title="${esc(row.score.rule)}">${esc(row.score.product)}</span>` : "—";
  return row.score ? `${fill(row.score.colour)}<small>${esc(row.score.rule)}</small>` : `<span class="risk-area unassessed">${t("not assessed")}</span>`;
}
