/**
 * Small plots of the last half minute: how loud both voices are, and how much audio waits to be played. Each says in
 * words what it shows.
 */

import { $, setText } from "./element.js";
import { STEP_MS } from "./history.js";
import { t } from "./texts.js";

/** @import { History } from "./history.js" */

export const SHOWN_MS = 30_000;
const HEIGHT = 48;
const STEPS = SHOWN_MS / STEP_MS;
/** The top of the plot of what waits is at least this, so that little does not look like much. */
const LEAST_TOP_MS = 200;
/** As loud as a level of 0 is, or more quiet. */
const FLOOR_DBFS = -60;

/**
 * The values of the last half minute, oldest first.
 *
 * @param {(at_ms: number) => number} value   @param {number} now_ms
 */
export function series(value, now_ms) {
  return Array.from({ length: STEPS }, (_, step) => value(now_ms - (STEPS - step) * STEP_MS));
}

/** @param {number} level 0 to 1, as `History.level` has it */
export const dbfs = (level) => FLOOR_DBFS - Math.round(FLOOR_DBFS * level);

/** @param {History} history   @param {number} now_ms */
export function drawPlots(history, now_ms) {
  const [user, agent] = /** @type {const} */ (["user", "agent"]).map((who) =>
    series((at_ms) => history.level(who, at_ms), now_ms),
  );
  const waiting = series((at_ms) => history.waited(at_ms), now_ms);
  const [loudest_user, loudest_agent, most] = [user, agent, waiting].map((values) => Math.max(...values));
  plot($("level-plot"), { "--parley-user": user, "--parley-agent": agent }, 1);
  plot($("queue-plot"), { "--parley-agent": waiting }, Math.max(LEAST_TOP_MS, most));
  setText($("level-words"), t("plots.level", { user: dbfs(loudest_user), agent: dbfs(loudest_agent) }));
  setText($("queue-words"), t("plots.queue", { now: waiting[STEPS - 1], most }));
}

/**
 * An empty canvas, as wide as it is shown. It gets a new size only where that is another one: a new size has the page
 * laid out anew.
 *
 * @param {HTMLCanvasElement} canvas   @param {number} height in CSS pixels
 */
export function blank(canvas, height) {
  const dots = globalThis.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const style = getComputedStyle(canvas);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const [across, down] = [Math.round(width * dots), Math.round(height * dots)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  pen.resetTransform(); // all of its dots, also the last one where they are no whole number of pixels
  pen.clearRect(0, 0, across, down);
  pen.scale(dots, dots);
  return { pen, width, style, colour };
}

/** @param {HTMLCanvasElement} canvas   @param {Record<string, number[]>} lines by the name of their colour   @param {number} top */
function plot(canvas, lines, top) {
  const { pen, width, colour } = blank(canvas, HEIGHT);
  pen.fillStyle = colour("--parley-line");
  pen.fillRect(0, HEIGHT - 1, width, 1);
  for (const [name, values] of Object.entries(lines)) {
    pen.strokeStyle = colour(name);
    pen.lineWidth = 1.5;
    pen.beginPath();
    values.forEach((value, step) => {
      pen.lineTo((step / (STEPS - 1)) * width, HEIGHT - 2 - (value / top) * (HEIGHT - 4));
    });
    pen.stroke();
  }
}
