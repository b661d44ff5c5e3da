// One line for an alarm where lists are short: symbol, when, which, what, how it stands; a way to its story.

import { ACTIVE, stateWords, symbol } from "./alarms.js";
import { esc } from "./config.js";
import { shortStamp } from "./format.js";
import { link } from "./link.js";
import { headline } from "./sentences.js";

export function worstRow(row) {
  return `<a class="row-link ${ACTIVE.has(row.state) ? "" : "gone"}" href="/alarms?alarm=${encodeURIComponent(row.id)}">${symbol(row.priority, row.state)}
    <span>${esc(shortStamp(row.noticed_at, link.now()))}</span><b class="strong nowrap">${esc(row.point || row.source)}</b><span class="what">${esc(headline(row))}</span><span class="state">${esc(stateWords(row.state))}</span></a>`;
}
