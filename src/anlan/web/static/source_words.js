// What a source's link is doing, in words.

import { t } from "./config.js";

const LINK_WORDS = { up: "connected", down: "no connection", connecting: "connecting" };

export const linkWords = (state) => t(LINK_WORDS[state] ?? "unknown");

/** Readings per second, with a figure's worth of precision. */
export const rateWords = (rate) => (rate === null || rate === undefined ? "—" : t("{n} readings/s", { n: rate >= 100 ? Math.round(rate) : rate.toFixed(1) }));
