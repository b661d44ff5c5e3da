// Acknowledging an alarm whose class demands a comment: the node refuses it without one, so it is asked for first.

import { alarms, kindWords } from "./alarms.js";
import { esc, label, t } from "./config.js";

/** Ask for the comment and acknowledge with it; resolves to the node's answer, or null if the person turned back. */
export function acknowledgeWithComment(row) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "aside";
    dialog.innerHTML = `<form class="aside"><h2>${t("Acknowledge")}</h2><p><b>${esc(row.point || row.source)}</b> ${esc(label(row.name))} · ${esc(kindWords(row.kind))}</p>
      <label class="labelled">${t("Comment, which the alarm's class demands")}<input class="field" name="reason" required maxlength="500" pattern=".*\\S.*" autocomplete="off" autofocus></label>
      <div class="button-row"><button type="submit" class="button main">${t("Acknowledge")}</button><button type="button" class="button cancel">${t("Cancel")}</button></div></form>`;
    let answer = null;
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      answer = await alarms.command(row, "acknowledge", { reason: event.target.elements.reason.value.trim() });
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
