// A "?" beside a field that trips people; the texts are the server's (web/help_texts.py).

import { config, esc, t } from "./config.js";

export const help = (field) => (config.help?.[field] ? `<details class="help"><summary aria-label="${t("Help")}">?</summary><p>${esc(config.help[field])}</p></details>` : "");

// One at a time, and Escape closes it.
document.addEventListener("toggle", ({ target }) => target.matches?.("details.help") && target.open && closeOthers(target), true);
document.addEventListener("keydown", ({ key }) => key === "Escape" && closeOthers(null));
document.addEventListener("focusin", ({ target }) => !target.closest("details.help") && closeOthers(null));
document.addEventListener("pointerdown", ({ target }) => !target.closest("details.help") && closeOthers(null));

function closeOthers(kept) {
  for (const one of document.querySelectorAll("details.help[open]")) if (one !== kept) one.open = false;
}
