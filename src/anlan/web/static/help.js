// A "?" beside a field that trips people; the texts are the server's (web/help_texts.py).

import { config, esc, t } from "./config.js";

export const help = (field) => (config.help?.[field] ? `<details class="help"><summary aria-label="${t("Help")}">?</summary><p>${esc(config.help[field])}</p></details>` : "");

/** Fields of points and alarms as the API names them → the help that they share. */
const OF_FIELD = {
  address: "address", alarm_class: "class", class: "class", "consequence.zh": "consequence", consequence_zh: "consequence", "corrective_action.zh": "corrective_action",
  corrective_action_zh: "corrective_action", dead_band: "dead_band", kind: "kind", limit: "limit", off_delay: "delay", on_delay: "delay", place: "place", post: "post", priority: "priority",
  range_low: "range", "reporting.mode": "reporting", time_to_respond: "time_to_respond",
};

export const helpOf = (field) => (OF_FIELD[field] ? help(OF_FIELD[field]) : "");

// One at a time, and Escape closes it.
document.addEventListener("toggle", ({ target }) => target.matches?.("details.help") && target.open && closeOthers(target), true);
document.addEventListener("keydown", ({ key }) => key === "Escape" && closeOthers(null));
document.addEventListener("focusin", ({ target }) => !target.closest("details.help") && closeOthers(null));
document.addEventListener("pointerdown", ({ target }) => !target.closest("details.help") && closeOthers(null));

function closeOthers(kept) {
  for (const one of document.querySelectorAll("details.help[open]")) if (one !== kept) one.open = false;
}
