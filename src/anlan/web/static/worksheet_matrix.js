// The risk matrix of a sheet scored by two factors: every cell in the colour that its edition gives it, with the numbers of the lines that fall in it.

import { esc, label, t } from "./config.js";
import { LEVELS, fill } from "./worksheet_grid.js";

const MOST = 6;

/** "较大 橙" → 橙: no cell is told by its colour alone (DOMAIN 17). */
const word = (colour) => LEVELS()[colour].split(/[ ,]+/).pop();

export function matrix(told) {
  const { factors } = told.scale;
  if (factors.length !== 2) return `<section class="panel matrix"><header><h3>${t("Bands")}</h3></header><ul class="body plain">${told.scale.bands.map((band) => `<li><span class="risk-area ${esc(band.colour)}">${esc(band.rule)}</span> ${esc(label(band.words) ?? "")}</li>`).join("")}</ul></section>`;
  const [down, right] = factors;
  const ups = [...down.values].sort((a, b) => b.value - a.value);
  const across = [...right.values].sort((a, b) => a.value - b.value);
  const lines = new Map();
  for (const [at, one] of told.lines.entries()) {
    const key = `${one.cells[down.name]}/${one.cells[right.name]}`;
    if (one.score) lines.set(key, [...(lines.get(key) ?? []), at + 1]);
  }
  const cell = (up, over) => {
    const here = lines.get(`${up.value}/${over.value}`) ?? [];
    const more = here.length > MOST ? `<span>+${here.length - MOST}</span>` : "";
    const { product, colour } = told.scale.matrix[`${up.value}/${over.value}`];
    return `<td class="risk-area ${colour}"><small>${product} ${esc(word(colour))}</small>${here.slice(0, MOST).map((n) => `<b>${n}</b>`).join("")}${more}</td>`;
  };
  const rows = ups.map((up) => `<tr><th scope="row" title="${esc(label(up.words))}">${esc(up.value)}</th>${across.map((over) => cell(up, over)).join("")}</tr>`);
  return `<section class="panel matrix"><header><h3>${t("Risk matrix")}</h3><span class="dim">${t("bold: numbers of the lines")}</span></header><div class="body"><table><caption class="visually-hidden">${t("Risk matrix")}</caption><tbody>${rows.join("")}</tbody><tfoot><tr><th>${esc(down.name)} ↑ · ${esc(right.name)} →</th>${across.map((over) => `<th scope="col" title="${esc(label(over.words))}">${esc(over.value)}</th>`).join("")}</tr></tfoot></table><p class="legend">${told.scale.bands.map((band) => `<span>${fill(band.colour)} ${esc(band.rule)}</span>`).join("")}</p></div></section>`;
}
