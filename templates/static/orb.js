/**
 * The orb: both voices in one picture. The agent is a body, the person a line around it, and each moves with the
 * spectrum of what is really rendered and captured (`worklets/bands.js`). Fetched after the page's own script; without
 * it a plain ring of the style sheet stays.
 *
 * Frames are drawn only while something moves, thirty a second. Where motion is not wanted the picture stands still,
 * and only colour says who speaks.
 */

import { look } from "./orb_look.js";

/** @import { Look } from "./orb_look.js" */
/**
 * @typedef {object} Voice
 * @property {Float32Array} heard   what was told last, 0 to 1 for each band
 * @property {Float32Array} now   what is drawn: follows fast
 * @property {Float32Array} late   and slowly
 * @property {number} loudness
 */

const BANDS = 12;
const POINTS = 2 * BANDS;
const ROUND = 2 * Math.PI;
const FRAME_MS = 33;
// The ear's range as the picture has it; the upper bands of a voice are weaker, and seen as well.
const QUIETEST_DB = -62;
const RANGE_DB = 44;
const TILT = 0.022;
const SHARPNESS = 1.7;
const STILL = 0.004;
const TURN_MS = 2600;
const SPIN_MS = 3200;
/** @type {Record<"user" | "agent", string>} */
const COLOURS = { user: "--parley-user", agent: "--parley-agent" };
// On a field of 24 by 24.
const MICROPHONE = "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11.5a6 6 0 0 0 12 0M12 17.5V21M9 21h6";
/** @type {Record<string, string>} */
const SIGNS = {
  microphone: MICROPHONE,
  muted: `${MICROPHONE}M4 4l16 17`,
  paused: "M9.5 7v10M14.5 7v10",
  fault: "M12 5v9M12 18.4v.6",
};

/** @returns {Voice} */
function voice() {
  const [heard, now, late] = [0, 0, 0].map(() => new Float32Array(BANDS));
  return { heard, now, late, loudness: 0 };
}

export class Orb {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.style = getComputedStyle(canvas);
    /** @type {Record<string, string>} */
    this.colours = {};
    this.voices = { user: voice(), agent: voice() };
    /** @type {Look} */
    this.look = { name: "", ring: "whole", body: "rest", sign: "", turns: false };
    this.percent = 0;
    this.frame = 0;
    this.drawn_ms = 0;
    /** Of what goes round while somebody waits, 0 to 1; and how far the voices' forms have turned, in radians. */
    this.phase = 0;
    this.spin = 0;
    this.xs = new Float32Array(POINTS);
    this.ys = new Float32Array(POINTS);
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-reduced-motion: reduce)"])
      matchMedia(query).addEventListener("change", () => this.wake(true));
    new ResizeObserver(() => this.wake()).observe(canvas);
    this.wake(true);
  }

  /**
   * @param {Parameters<typeof look>[0]} view
   * @param {Parameters<typeof look>[1] & {boot: {percent: number}}} page
   */
  show(view, page) {
    const shown = look(view, page);
    const { percent } = page.boot;
    if (shown.name === this.look.name && percent === this.percent) return;
    this.look = shown;
    this.percent = percent;
    this.canvas.dataset.look = shown.name;
    this.wake();
  }

  /** @param {"user" | "agent"} who   @param {Float32Array} [bands] none: silence */
  hear(who, bands) {
    const { heard } = this.voices[who];
    let loudest = 0;
    for (let band = 0; band < BANDS; band++) {
      const db = bands?.[band] ? 20 * Math.log10(bands[band]) : -Infinity;
      const level = db > QUIETEST_DB ? (db - QUIETEST_DB) / RANGE_DB + band * TILT : 0;
      heard[band] = Math.min(1, level) ** SHARPNESS;
      loudest = Math.max(loudest, heard[band]);
    }
    if (loudest > STILL) this.wake();
  }

  /** @param {boolean} recolour */
  wake(recolour = false) {
    if (recolour) this.colours = {};
    if (!this.frame) this.frame = requestAnimationFrame((now_ms) => this.next(now_ms));
  }

  /** @param {string} name of a property of the style sheet */
  colour(name) {
    this.colours[name] ??= this.style.getPropertyValue(name).trim();
    return this.colours[name];
  }

  /** @param {number} now_ms */
  next(now_ms) {
    const since_ms = now_ms - this.drawn_ms;
    if (since_ms < FRAME_MS - 4) {
      this.frame = requestAnimationFrame((later_ms) => this.next(later_ms));
      return;
    }
    this.frame = 0;
    this.drawn_ms = now_ms;
    const moves = this.follow(Math.min(since_ms, 100) / FRAME_MS);
    this.draw();
    if (moves || (this.look.turns && !this.calm.matches)) this.wake();
  }

  /**
   * What is drawn follows what is heard. @param {number} steps of a thirtieth of a second   @returns {boolean} it is
   * not there yet
   */
  follow(steps) {
    let moves = false;
    if (!this.calm.matches) {
      this.phase = (this.phase + (steps * FRAME_MS) / TURN_MS) % 1;
      this.spin += (steps * FRAME_MS) / SPIN_MS;
    }
    const [rise, fall, drag] = [0.62, 0.24, 0.11].map((share) => 1 - (1 - share) ** steps);
    for (const it of Object.values(this.voices)) {
      let sum = 0;
      for (let band = 0; band < BANDS; band++) {
        const heard = it.heard[band];
        it.now[band] += (heard - it.now[band]) * (heard > it.now[band] ? rise : fall);
        it.late[band] += (it.now[band] - it.late[band]) * drag;
        if (Math.max(it.now[band], it.late[band]) > STILL) moves = true;
        sum += it.now[band];
      }
      it.loudness = Math.min(1, (sum / BANDS) * 2);
    }
    return moves;
  }

  draw() {
    const { canvas, pen } = this;
    const dots = Math.min(globalThis.devicePixelRatio || 1, 3);
    const side = Math.round(canvas.clientWidth * dots);
    if (!side) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    // Drawn on a field of 200 by 200 around its middle.
    pen.setTransform(side / 200, 0, 0, side / 200, side / 2, side / 2);
    pen.clearRect(-100, -100, 200, 200);
    pen.lineCap = pen.lineJoin = "round";
    this.body();
    this.ring();
    this.sign();
    canvas.dataset.drawn = "";
  }

  body() {
    const { pen, look, voices, calm, phase, spin } = this;
    const { now, late, loudness } = voices.agent;
    const speaks = loudness > STILL && look.body !== "none";
    pen.fillStyle = this.colour("--parley-rest");
    if (speaks) {
      pen.fillStyle = this.colour(COLOURS.agent);
      if (calm.matches) return this.disc(40);
      // Petals: the slower, the wider and the fainter.
      const layers = /** @type {[Float32Array, number, number, number][]} */ ([
        [late, 38, 0.2, spin],
        [late, 26, 0.35, -spin],
        [now, 18, 0.92, spin / 2],
      ]);
      for (const [bands, depth, alpha, turn] of layers) {
        pen.globalAlpha = alpha * Math.min(1, 0.35 + loudness * 3);
        this.contour(34 + 4 * loudness, bands, depth, turn);
        pen.fill();
      }
      pen.globalAlpha = 1;
    } else if (look.body === "rest" || look.body === "voice") this.disc(36);
    else if (look.body === "thinking") {
      this.disc(36);
      pen.fillStyle = this.colour("--parley-text");
      for (let dot = -1; dot <= 1; dot++) {
        const lift = calm.matches ? 0 : Math.max(0, Math.sin((phase * 2 - dot / 6) * ROUND)) * 5;
        this.disc(3, dot * 12, -lift);
      }
    } else if (look.body === "hollow") {
      pen.strokeStyle = this.colour("--parley-quiet");
      this.line(36, 2, [5, 6]);
    } else if (look.body === "closed") {
      pen.strokeStyle = this.colour("--parley-quiet");
      pen.lineWidth = 3;
      pen.beginPath();
      pen.moveTo(-16, 0);
      pen.lineTo(16, 0);
      pen.stroke();
    }
  }

  ring() {
    const { pen, look, voices, calm, spin } = this;
    const { now, late, loudness } = voices.user;
    const speaks = loudness > STILL && look.ring !== "faint" && look.ring !== "open";
    const from = (calm.matches ? 0.6 : this.phase) * ROUND;
    pen.strokeStyle = this.colour(look.ring === "open" ? "--parley-error" : "--parley-line");
    if (look.ring === "whole") pen.strokeStyle = this.colour("--parley-edge");
    // A voice does not lie upon the line, it is the line.
    if (speaks) pen.globalAlpha = Math.max(0.12, 1 - loudness * 6);
    if (look.ring === "whole" || look.ring === "faint") this.line(60, 1.5);
    else if (look.ring === "open") this.line(60, 2.5, [], -0.9, ROUND - 2.2);
    else if (look.ring === "dashed") {
      pen.strokeStyle = this.colour("--parley-text");
      this.line(60, 2.5, [2, (60 * ROUND) / 36 - 2], from / 4);
    } else if (look.ring === "broken") {
      pen.strokeStyle = this.colour("--parley-quiet");
      for (let part = 0; part < 3; part++) this.line(60, 2.5, [], from / 3 + (part * ROUND) / 3, 1.1);
    } else {
      this.line(60, 1.5);
      pen.strokeStyle = this.colour("--parley-text");
      if (look.ring === "arc") this.line(60, 2.5, [], from, 1.3);
      else if (this.percent > 0) this.line(60, 2.5, [], -ROUND / 4, (this.percent / 100) * ROUND);
    }
    pen.globalAlpha = 1;
    if (!speaks) return;
    pen.strokeStyle = this.colour(COLOURS.user);
    if (calm.matches) return this.line(60, 4);
    const lines = /** @type {[Float32Array, number, number, number][]} */ ([
      [late, 34, 0.4, 1.5],
      [now, 26, 1, 2.5],
    ]);
    for (const [bands, depth, alpha, width] of lines) {
      pen.globalAlpha = alpha * Math.min(1, loudness * 6);
      pen.lineWidth = width;
      this.contour(58, bands, depth, ROUND / 2 - spin / 2);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  sign() {
    const { pen, look } = this;
    const path = SIGNS[look.sign];
    if (!path) return;
    pen.save();
    pen.scale(2.4, 2.4);
    pen.translate(-12, -12);
    pen.strokeStyle = this.colour(look.sign === "fault" ? "--parley-error" : "--parley-text");
    pen.lineWidth = look.sign === "fault" ? 2.2 : 1.3;
    pen.stroke(new Path2D(path));
    pen.restore();
  }

  /**
   * A closed line around the middle, pushed out by each band: the lowest below, the highest above, alike on both sides.
   * A band that stands out draws its neighbours along, or the line would have corners.
   *
   * @param {number} radius   @param {Float32Array} bands   @param {number} depth   @param {number} turn
   */
  contour(radius, bands, depth, turn) {
    const { pen, xs, ys } = this;
    const at = (/** @type {number} */ point) => bands[point < BANDS ? point : POINTS - 1 - point];
    for (let point = 0; point < POINTS; point++) {
      const beside = at((point + POINTS - 1) % POINTS) + at((point + 1) % POINTS);
      const out = radius + depth * (at(point) / 2 + beside / 4);
      const angle = ((point + 0.5) / POINTS + 0.25) * ROUND + turn;
      xs[point] = out * Math.cos(angle);
      ys[point] = out * Math.sin(angle);
    }
    pen.beginPath();
    for (let point = 0; point <= POINTS; point++) {
      const [here, next] = [point % POINTS, (point + 1) % POINTS];
      const [x, y] = [(xs[here] + xs[next]) / 2, (ys[here] + ys[next]) / 2];
      if (point === 0) pen.moveTo(x, y);
      else pen.quadraticCurveTo(xs[here], ys[here], x, y);
    }
    pen.closePath();
  }

  /** @param {number} radius   @param {number} x   @param {number} y */
  disc(radius, x = 0, y = 0) {
    this.pen.beginPath();
    this.pen.arc(x, y, radius, 0, ROUND);
    this.pen.fill();
  }

  /**
   * @param {number} radius   @param {number} width   @param {number[]} dashes   @param {number} from   @param {number} length
   */
  line(radius, width, dashes = [], from = 0, length = ROUND) {
    const { pen } = this;
    pen.lineWidth = width;
    pen.setLineDash(dashes);
    pen.beginPath();
    pen.arc(0, 0, radius, from, from + length);
    pen.stroke();
    pen.setLineDash([]);
  }
}
