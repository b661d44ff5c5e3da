// The banner of an alarm flood, on every page: which post, how many alarms in ten minutes, and the way to the list in groups.

import { esc, label, t } from "./config.js";
import { shortStamp } from "./format.js";
import { link } from "./link.js";

export function showFloods() {
  const bar = document.querySelector('[data-shell="flood"]');
  if (!bar) return;
  bar.hidden = !link.floods.length;
  const worst = [...link.floods].sort((a, b) => b.in_ten_minutes - a.in_ten_minutes);
  const text = worst.map((one) => t("{post}: {n} alarms in 10 minutes, since {time}", { post: label(one.post_name) || one.post || t("no post"), n: one.in_ten_minutes, time: shortStamp(one.began_at, link.now()) }));
  bar.querySelector(".what").innerHTML = text.map(esc).join(" · ");
}
