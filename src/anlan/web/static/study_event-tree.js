// An event tree drawn from its initiating event: each function a column, success above failure, each path's sequence at its right end with what
// it comes to now and its baseline.

import { esc, t } from "./config.js";
import { factorText, figure } from "./studies.js";

const [COLUMN, ROW, HEAD, LEFT, END] = [170, 62, 54, 150, 420];

export function draw(host, told) {
  const html = told.figure.event_trees.map((tree) => picture(tree, told.figure)).join("");
  if (host.html !== html) host.innerHTML = host.html = html;
}

function picture(tree, told) {
  const columns = new Map(tree.functions.map((name, n) => [name, n]));
  const lines = [];
  const words = [];
  let row = 0;
  const right = LEFT + tree.functions.length * COLUMN;
  const x = (n) => LEFT + n * COLUMN;
  const place = (branch, from) => {
    if (!branch.ask) {
      const y = HEAD + ROW / 2 + row++ * ROW;
      lines.push(`<path class="wire" d="M${from} ${y}H${right}"/>`);
      words.push(end(branch, tree, told, right, y));
      return y;
    }
    const at = x(columns.get(branch.ask)) + COLUMN * 0.45;
    const ys = branch.paths.map((path) => [path.state, place(path, at)]);
    const y = (ys[0][1] + ys.at(-1)[1]) / 2;
    lines.push(`<path class="wire" d="M${from} ${y}H${at}M${at} ${ys[0][1]}V${ys.at(-1)[1]}"/>`);
    for (const [state, each] of ys) words.push(`<text class="state" x="${at + 8}" y="${each - 6}">${esc(stateWord(state))}</text>`);
    return y;
  };
  const y = place(tree.initial, 12);
  const start = told.starts.find((one) => one.tree === tree.name);
  const height = HEAD + row * ROW + 10;
  const heads = tree.functions.map((name) => `<text class="head" x="${x(columns.get(name)) + COLUMN * 0.45}" y="22">${esc(name)}</text>`).join("");
  return `<div class="panel event-tree wide-table" tabindex="0"><svg viewBox="0 0 ${right + END} ${height}" style="min-width:${right + END}px" role="img" aria-label="${t("Event tree")} ${esc(tree.name)}">
    <text class="head start" x="12" y="22">${esc(start?.name ?? tree.name)}</text>${heads}<text class="head start" x="${right + 14}" y="22">${t("Sequence")}</text><text class="head end" x="${right + 250}" y="22">${t("Baseline")}</text><text class="head end" x="${right + 335}" y="22">${t("At present")}</text><text class="head end" x="${right + 405}" y="22">×</text>
    <path class="grid" d="M12 34H${right + END - 8}"/>${lines.join("")}<circle class="symbol" cx="12" cy="${y}" r="5"/>${words.join("")}</svg></div>`;
}

const stateWord = (state) => ({ success: t("success"), failure: t("failure") })[state] ?? state;

function end(branch, tree, told, right, y) {
  if (branch.linked) return `<text class="sequence" x="${right + 14}" y="${y + 5}">→ ${esc(branch.linked)}</text>`;
  const one = told.sequences.find((each) => each.tree === tree.name && each.sequence === branch.sequence);
  if (!one) return `<text class="sequence" x="${right + 14}" y="${y + 5}">${esc(branch.sequence)}</text>`;
  const factor = one.value !== null && one.baseline ? one.value / one.baseline : null;
  return `<g class="${one.watched ? "watched" : ""} ${factor > 1.005 ? "worse" : ""}"><title>${esc(one.cut_sets.map((cut) => cut.events.join(" · ")).join("\n"))}</title><text class="sequence" x="${right + 14}" y="${y + 5}">${esc(one.label || one.sequence)}${one.watched ? " ◂" : ""}</text>
    <text class="value dim" x="${right + 250}" y="${y + 5}">${figure(one.baseline)}</text><text class="value" x="${right + 335}" y="${y + 5}">${figure(one.value)}</text><text class="value" x="${right + 405}" y="${y + 5}">${factorText(factor)}</text></g>`;
}
