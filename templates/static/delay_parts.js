/**
 * How long an answer took, split as far as a browser can know: until the service knew that the person had finished,
 * until the answer came, and until it was heard. A way through the network is in the first part, and cannot be told
 * apart from it.
 */

import { $ } from "./element.js";
import { percentile } from "./history.js";
import { t } from "./texts.js";

/** @import { Delay } from "./history.js" */

/**
 * The three parts of a delay, or null where one of them was not measured.
 *
 * @param {Delay} delay
 */
export function partsOf({ heard_ms, known_ms, here_ms }) {
  if (heard_ms === null || known_ms === null || here_ms === null) return null;
  return { turn: heard_ms - known_ms, service: known_ms - here_ms, here: here_ms };
}

/** @param {Delay[]} delays   @param {unknown} round_trip_ms the most that a way there and back can take */
export function drawDelayParts(delays, round_trip_ms) {
  const split = delays.map(partsOf).filter((parts) => parts !== null);
  const rows =
    split.length === 0
      ? []
      : [
          row(
            t("delay.turn"),
            t("delay.turn_help"),
            split.map(({ turn }) => turn),
          ),
          row(
            t("delay.service"),
            t("delay.service_help"),
            split.map(({ service }) => service),
          ),
          row(
            t("delay.here"),
            t("delay.here_help"),
            split.map(({ here }) => here),
          ),
        ];
  if (typeof round_trip_ms === "number" && rows.length) {
    rows.push([
      made("dt", t("delay.network")),
      made("dd", t("delay.at_most", { most: round_trip_ms }), t("delay.network_help")),
    ]);
  }
  $("delay-parts").replaceChildren(...rows.flat());
}

/** @param {string} name   @param {string} help   @param {number[]} values */
function row(name, help, values) {
  const figures = { median: percentile(values, 0.5), p95: percentile(values, 0.95) };
  return [made("dt", name), made("dd", t("delay.figures", figures), help)];
}

/** @param {"dt" | "dd"} tag   @param {string} text   @param {string} [help] */
function made(tag, text, help) {
  const element = Object.assign(document.createElement(tag), { textContent: text });
  if (help) element.append(Object.assign(document.createElement("p"), { className: "help", textContent: help }));
  return element;
}
