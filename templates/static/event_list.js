/**
 * The event list under Diagnostics: messages of both directions, while it is open. What it shows comes from the session
 * recorder, so it costs nothing while it is closed.
 */

import { $, arrange } from "./element.js";
import { chosen, EventRows } from "./event_rows.js";
import { t } from "./texts.js";

/** @import { Row } from "./event_rows.js" */
/** @import { Source } from "./session_bundle.js" */

const EVERY_MS = 1000;
const MOST_SHOWN = 200;
/** So many batches of before are read when it is opened. */
const READ_BACK = 60;

/** @param {Source} source */
export function eventList({ recording, send }) {
  const panel = made("details", { id: "events" });
  const filter = made("input", { type: "search", id: "event-filter", spellcheck: false });
  const directions = made("select", { id: "event-directions" });
  directions.append(
    new Option(t("events.both"), "both"),
    new Option(t("events.received_only"), "received"),
    new Option(t("events.sent_only"), "sent"),
    new Option(t("events.everything"), "all"),
  );
  const pause = made("button", { type: "button", textContent: t("events.pause") });
  pause.setAttribute("aria-pressed", "false");
  const list = made("ol", { id: "event-rows", tabIndex: 0 });
  list.setAttribute("aria-label", t("events.heading"));
  const empty = made("p", { className: "help", textContent: t("events.none") });
  const controls = made("div", { className: "fields" });
  controls.append(labelled(t("events.filter"), filter), labelled(t("events.directions"), directions));
  panel.append(made("summary", { textContent: t("events.heading") }), controls, pause, list, empty);
  $("event-list").replaceChildren(panel);

  let rows = new EventRows();
  let timer = 0;
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map();
  const isPaused = () => pause.getAttribute("aria-pressed") === "true";
  const draw = () => {
    const near_end = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const now = chosen(rows.rows, directions.value, filter.value).slice(-MOST_SHOWN);
    const left = new Set(shown.keys());
    const drawn = now.map((row) => {
      left.delete(row.id);
      const item = shown.get(row.id) ?? newItem(row);
      shown.set(row.id, item);
      const size = item.querySelector(".size");
      if (size && size.textContent !== sizeOf(row)) size.textContent = sizeOf(row);
      return item;
    });
    for (const id of left) shown.delete(id);
    arrange(list, drawn);
    empty.hidden = now.length > 0;
    if (near_end) list.scrollTop = list.scrollHeight;
  };
  /** @param {string} lines */
  const read = (lines) => {
    rows.add(lines);
    if (!isPaused()) draw();
  };
  panel.addEventListener("toggle", () => {
    clearInterval(timer);
    recording.listeners.delete(read);
    if (!panel.open) return;
    rows = new EventRows();
    for (const lines of [...recording.first, ...recording.newest].slice(-READ_BACK)) rows.add(lines);
    recording.listeners.add(read);
    timer = setInterval(() => document.hidden || send({ type: "record", whole: false }), EVERY_MS);
    send({ type: "record", whole: false });
    draw();
  });
  filter.addEventListener("input", draw);
  directions.addEventListener("change", draw);
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(!isPaused()));
    if (!isPaused()) draw();
  });
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag   @param {Record<string, unknown>} properties   @returns {HTMLElementTagNameMap[Tag]}
 */
function made(tag, properties) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  return element;
}

/** @param {string} text   @param {HTMLElement} control */
function labelled(text, control) {
  const field = made("div", { className: "field" });
  field.append(made("label", { textContent: text, htmlFor: control.id }), control);
  return field;
}

/** A row that opens, where it has a text. @param {Row} row */
function newItem(row) {
  const { at_ms, direction, type, text } = row;
  const item = document.createElement("li");
  item.dataset.direction = direction;
  const parts = [
    made("time", { textContent: clock(at_ms) }),
    made("span", { className: "direction", textContent: wordOf(direction) }),
    made("span", { className: "type", textContent: type || t("events.audio") }),
    made("span", { className: "size", textContent: sizeOf(row) }),
  ];
  if (!text) {
    item.append(...parts.flatMap((part) => [part, " "]));
    return item;
  }
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(...parts.flatMap((part) => [part, " "]));
  details.append(summary, made("pre", { textContent: text, dir: "auto" }));
  item.append(details);
  return item;
}

/** @param {Row["direction"]} direction */
function wordOf(direction) {
  return { received: t("events.received"), sent: t("events.sent"), here: t("events.here") }[direction];
}

/** @param {Row} row */
function sizeOf({ bytes, count, audio_ms }) {
  const size = bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
  if (audio_ms) {
    const times = count ? `× ${count}, ` : "";
    return `${times}${(audio_ms / 1000).toFixed(1)} s, ${size}`;
  }
  return bytes ? size : "";
}

/** @param {number} at_ms */
function clock(at_ms) {
  const seconds = at_ms / 1000;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(3).padStart(6, "0")}`;
}
