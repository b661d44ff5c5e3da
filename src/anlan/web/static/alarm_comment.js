// Acknowledging an alarm whose class demands a comment: the node refuses it without one, so it is asked for first.

import { alarms, kindWords } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { ask } from "./point_forms.js";

/** Ask for the comment and acknowledge with it; resolves to the node's answer, or null if the person turned back. */
export const acknowledgeWithComment = (row) =>
  ask({
    title: t("Acknowledge"),
    about: `<b>${esc(row.point || row.source)}</b> ${esc(label(row.name))} · ${esc(kindWords(row.kind))}`,
    fields: [{ name: "reason", words: t("Comment, which the alarm's class demands") }],
    send: (given) => alarms.command(row, "acknowledge", given),
  });
