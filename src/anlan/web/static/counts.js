// The summary line: 在限值内 212/216 · 未知 1 · 旁路 1 (余 02:14) · 校验 1, of the plant or of one place. Never a verdict.

import { esc, t } from "./config.js";
import { countdown } from "./format.js";

export const PARTS = ["within", "outside", "unknown", "bypassed", "calibrating"];

/** Fill the parts below `root` from a summary or the counts of a place: {whole, limited, bypass_left, named}. */
export function showCounts(root, sums) {
  for (const name of PARTS) showPart(root, name, sums.whole, sums);
}

function showPart(root, name, counts, sums) {
  const part = root.querySelector(`[data-sum="${name}"]`);
  if (!part) return;
  part.querySelector("b").textContent = name === "within" ? `${counts.within}/${counts.of}` : counts[name];
  part.classList.toggle("some", name !== "within" && counts[name] > 0);
  showNamed(part, counts[name], sums.named[name]);
  if (name === "within") part.title = t("{limited} of {of} points have limits; a point is counted once: calibrating, unknown, bypassed, outside or within.", { limited: sums.limited, of: counts.of });
  if (name === "bypassed") part.querySelector("small.timer").textContent = sums.bypass_left === null || !counts.bypassed ? "" : ` (${t("{time} left", { time: countdown(sums.bypass_left) })})`;
}

/** The few by name, each a way to its page; a plain count once there are more. */
function showNamed(part, count, ids) {
  const place = part.querySelector("small.ids");
  const text = ids && count === ids.length ? ids.join(",") : "";
  if (place.dataset.ids === text) return;
  place.dataset.ids = text;
  place.innerHTML = text && ids.map((id) => `<a href="/points/${encodeURIComponent(id)}">${esc(id)}</a>`).join(" ");
}

/** Marks for what of a place is not seen: unknown, calibrating, bypassed. */
export function unseenMarks(counts) {
  const marks = [
    [counts.unknown, "bad", "unknown {n}"],
    [counts.calibrating, "uncertain", "calibrating {n}"],
    [counts.bypassed, "uncertain", "bypassed {n}"],
  ];
  return marks.filter(([n]) => n).map(([n, look, words]) => `<span class="mark ${look}">${t(words, { n })}</span>`).join(" ");
}
