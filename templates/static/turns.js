/**
 * The transcript: keeps the list of turns up to date from what Python says has changed, draws what changed, and tells
 * it to a screen reader when nobody is heard.
 */

import { arrange } from "./element.js";
import { t } from "./texts.js";

/** @import { Turn, ViewUpdate } from "./messages.js" */
/**
 * @typedef {{element: HTMLElement, turn: Turn | null, text: HTMLElement, mark: HTMLElement, start_ms:
 * number, end_ms: number}} Item
 *   what is drawn of a turn, and when it came and changed last
 * @typedef {{turn: Turn, who: string, start_ms: number, end_ms: number}} TimedTurn
 */

const ANNOUNCEMENTS_KEPT = 6;
const NEAR_END_PX = 60;
const STORED = "parley.announce";
// Older turns than these were announced long ago.
const ANNOUNCED_FROM_END = 50;
// More turns than twice as many are laid out in two parts.
const RECENT = 20;

/** What is drawn, by the turn's id. @type {Map<string, Item>} */
const items = new Map();
/** When the first of them came, on the page's clock. */
let first_ms = 0;
/** What holds the older turns. @type {HTMLElement | undefined} */
let older;
/** The turns that were drawn last. @type {Turn[] | null} */
let last = null;
/** The list whose scrolling is watched, and whether its end was in sight then. @type {HTMLElement | null} */
let watched = null;
let end_seen = true;
/** Whether a screen reader is told; remembered from visit to visit. */
let aloud = true;
/** @type {Set<string>} */
const announced = new Set();

/**
 * The list after an update: `update.turns` are new or changed, `update.gone` left, `update.order` is null where known
 * turns stay where they are and new ones follow. Cheap for a long list: it is copied, and what changes is nearly always
 * at its end.
 *
 * @param {Turn[]} turns   @param {Pick<ViewUpdate, "turns" | "gone" | "order">} update
 */
export function mergeTurns(turns, update) {
  if (update.order) {
    const known = new Map([...turns, ...update.turns].map((turn) => [turn.id, turn]));
    return update.order.map((id) => known.get(id)).filter((turn) => turn !== undefined);
  }
  if (update.gone.length === 0 && update.turns.length === 0) return turns;
  const merged = turns.filter(({ id }) => !update.gone.includes(id));
  for (const turn of update.turns) {
    const at = merged.findLastIndex(({ id }) => id === turn.id);
    if (at >= 0) merged[at] = turn;
    else merged.push(turn);
  }
  return merged;
}

/**
 * A new call starts an empty list; its turns are told to a screen reader again.
 *
 * @param {HTMLElement} list   @param {HTMLElement} announcer   @param {Turn[]} turns
 */
export function drawTurns(list, announcer, turns) {
  if (turns === last) return;
  const before = last ?? [];
  last = turns;
  const near_end = follows(list);
  // Mostly one of them has a word more.
  if (turns.length !== before.length || turns.some(({ id }, n) => id !== before[n].id)) placeTurns(list, turns);
  for (const turn of turns) {
    const item = /** @type {Item} */ (items.get(turn.id));
    if (item.turn !== turn) drawTurn(item, turn);
  }
  if (near_end) list.scrollTop = 1e9; // as far as it goes; to ask how far would have all laid out once more
  announce(announcer, turns);
}

/**
 * Older turns stand in a box of their own, which is laid out once: a new word below it costs what a short list does.
 * Screen readers and the fingers of a search find one list.
 *
 * @param {HTMLElement} list   @param {Turn[]} turns
 */
function placeTurns(list, turns) {
  const left = new Set(items.keys());
  for (const { id } of turns) left.delete(id);
  for (const id of left) {
    items.delete(id);
    announced.delete(id);
  }
  older ??= document.createElement("div");
  const drawn = turns.map((turn) => (items.get(turn.id) ?? newItem(turn)).element);
  let from = drawn.findIndex(({ parentNode }) => parentNode !== older);
  if (drawn.length - from > 2 * RECENT) from = drawn.length - RECENT;
  arrange(older, drawn.slice(0, from));
  arrange(list, [older, ...drawn.slice(from)]);
}

/**
 * Whether the end is in sight, and so is to stay there. Known from the last scrolling: to ask now would have all laid
 * out once more.
 *
 * @param {HTMLElement} list
 */
function follows(list) {
  if (list !== watched) {
    watched = list;
    list.addEventListener(
      "scroll",
      () => {
        end_seen = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
      },
      { passive: true },
    );
  }
  return end_seen;
}

/**
 * What is in the transcript, in its order, with the times at which it was seen, from the first turn on.
 *
 * @returns {TimedTurn[]}
 */
export function timedTurns() {
  const shown = [...items.values()].filter(({ turn }) => turn?.text);
  shown.sort((a, b) => (a.element.compareDocumentPosition(b.element) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  return shown.map(({ turn, start_ms, end_ms }) => ({
    turn: { .../** @type {Turn} */ (turn), text: heardOf(/** @type {Turn} */ (turn)) },
    who: t(`who.${turn?.role}`),
    start_ms: Math.round(start_ms - first_ms),
    end_ms: Math.round(end_ms - first_ms),
  }));
}

/** @param {Turn} turn   @returns {Item} */
function newItem(turn) {
  const element = document.createElement("li");
  element.role = "listitem"; // also within the box of older turns
  element.dataset.turn = turn.id;
  element.dataset.role = turn.role;
  const who = made("who", t(`who.${turn.role}`));
  const text = made("text", "");
  const mark = made("mark", t("conversation.interrupted"));
  element.append(who, text, mark);
  // Each line is written in its own direction, and its punctuation stands on the side where its readers look for it.
  text.dir = "auto";
  if (items.size === 0) first_ms = performance.now();
  const at_ms = performance.now();
  const item = { element, turn: null, text, mark, start_ms: at_ms, end_ms: at_ms };
  items.set(turn.id, item);
  return item;
}

/** @param {string} className   @param {string} textContent */
function made(className, textContent) {
  return Object.assign(document.createElement("span"), { textContent, className });
}

/** @param {Item} item   @param {Turn} turn */
function drawTurn(item, turn) {
  const { element, text, mark } = item;
  item.turn = turn;
  item.end_ms = performance.now();
  element.dataset.final = String(turn.final);
  element.dataset.interrupted = String(turn.interrupted);
  drawText(text, turn);
  mark.hidden = !turn.interrupted;
}

/** What the person has not heard yet is paler. @param {HTMLElement} text   @param {Turn} turn */
function drawText(text, turn) {
  const heard = heardOf(turn);
  const rest = turn.text.slice(heard.length);
  if (rest === "" && text.textContent === turn.text && text.children.length === 0) return;
  text.textContent = heard;
  if (rest) text.append(made("unheard", rest));
}

/** What was heard of a turn so far. @param {Turn} turn */
function heardOf({ text, heard_chars }) {
  return heard_chars === null ? text : text.slice(0, heard_chars);
}

/**
 * A screen reader speaks each turn once, as it was heard, and never while the agent's own voice is heard.
 *
 * @param {HTMLElement} announcer   @param {Turn[]} turns
 */
function announce(announcer, turns) {
  if (turns.some(({ sounding }) => sounding)) return;
  for (const turn of turns.slice(-ANNOUNCED_FROM_END)) {
    if (!turn.final || announced.has(turn.id) || !turn.text) continue;
    announced.add(turn.id);
    if (!aloud) continue;
    const said = { who: t(`who.${turn.role}`), text: turn.text };
    const words = turn.interrupted ? t("conversation.announced_interrupted", said) : t("conversation.announced", said);
    announcer.append(Object.assign(document.createElement("p"), { textContent: words, dir: "auto" }));
  }
  while (announcer.children.length > ANNOUNCEMENTS_KEPT) announcer.firstChild?.remove();
}

function readChoice() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true; // not allowed: for this visit only
  }
}

/**
 * The switch in the settings: who reads the conversation with the fingers need not hear it
 * too. @param {HTMLInputElement} box
 */
export function announceSwitch(box) {
  aloud = readChoice();
  box.checked = aloud;
  box.addEventListener("change", () => {
    aloud = box.checked;
    try {
      localStorage.setItem(STORED, aloud ? "on" : "off");
    } catch {
      // as above
    }
  });
}
