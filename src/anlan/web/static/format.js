// Times in the site's zone, numbers with fixed decimals, ages in words. Instants are µs since 1970 UTC, as everywhere in Anlan.

import { config, t } from "./config.js";

const parts = (options) => new Intl.DateTimeFormat("en-CA", { timeZone: config.zone, hourCycle: "h23", ...options });
const CLOCK = parts({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const HOUR_MINUTE = parts({ hour: "2-digit", minute: "2-digit" });
const DAY = parts({ year: "numeric", month: "2-digit", day: "2-digit" });
const MONTH_DAY = parts({ month: "2-digit", day: "2-digit" });

const date = (micros) => new Date(micros / 1000);

export const clock = (micros) => CLOCK.format(date(micros));
export const hourMinute = (micros) => HOUR_MINUTE.format(date(micros));
export const day = (micros) => DAY.format(date(micros));
export const monthDay = (micros) => MONTH_DAY.format(date(micros));
export const stamp = (micros) => `${day(micros)} ${clock(micros)}`;
export const clockMillis = (micros) => `${clock(micros)}.${String(Math.floor((micros % 1e6) / 1e3)).padStart(3, "0")}`;

/** 14:03:07 today, otherwise with its day in front. */
export function shortStamp(micros, now) {
  return day(micros) === day(now) ? clock(micros) : `${monthDay(micros)} ${clock(micros)}`;
}

/** How far the zone's wall stands from UTC at this instant. [ms] */
export function zoneOffset(millis) {
  const at = {};
  for (const { type, value } of ZONED.formatToParts(new Date(millis))) at[type] = value;
  const wall = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return wall - Math.floor(millis / 1000) * 1000;
}

const ZONED = parts({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A value as its point prints it; a missing one is a dash, never a zero. */
export function number(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "—";
  const text = value.toFixed(decimals ?? 2);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/** A span as people say it: 4 s, 3 min, 2 h, 5 d. */
export function span(micros) {
  const seconds = Math.max(0, micros / 1e6);
  if (seconds < 90) return t("{n} s", { n: Math.floor(seconds) });
  if (seconds < 5400) return t("{n} min", { n: Math.floor(seconds / 60) });
  if (seconds < 172800) return t("{n} h", { n: Math.floor(seconds / 3600) });
  return t("{n} d", { n: Math.floor(seconds / 86400) });
}

/** A countdown: 02:14, 1:02:14; a minus sign once it has run out. */
export function countdown(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = `${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}`;
  return `${seconds < 0 ? "−" : ""}${h ? `${h}:` : ""}${tail}`;
}
