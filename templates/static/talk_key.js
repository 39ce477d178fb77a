/**
 * Push to talk: hold the button (mouse, pen, finger), or the Space bar anywhere outside a control. Letting go sends
 * what was said; a page that loses its focus takes it back, because nobody knows what was said after that.
 *
 * Keys that act anywhere in the page can be switched off, as WCAG 2.1.4 asks: who dictates to the computer would press
 * them by speaking.
 */

import { $ } from "./element.js";

const CONTROLS = "input, textarea, select, button, summary, a";
const STORED = "parley.keys";

let on = true;

function read() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true; // not allowed: for this visit only
  }
}

/** The switch in the settings, remembered from visit to visit. */
export function keySwitch() {
  on = read();
  const draw = () => {
    $("keys-on").checked = on;
    $("character-keys").hidden = !on;
  };
  $("keys-on").addEventListener("change", () => {
    on = $("keys-on").checked;
    try {
      localStorage.setItem(STORED, on ? "on" : "off");
    } catch {
      // as above
    }
    draw();
  });
  draw();
}

/** @param {KeyboardEvent} event */
function isTyping({ target, isComposing }) {
  if (isComposing) return true;
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** @param {KeyboardEvent} event */
function isModified(event) {
  return event.altKey || event.ctrlKey || event.metaKey;
}

/**
 * @param {HTMLButtonElement} button
 * @param {() => boolean} allowed whether the person may talk now
 * @param {(intent: {pressed: boolean, cancelled: boolean}) => void} tell
 */
export function talkKey(button, allowed, tell) {
  let held = "";

  /** @param {string} by */
  const press = (by) => {
    if (held || !allowed()) return;
    held = by;
    tell({ pressed: true, cancelled: false });
  };
  /** @param {string} by what is let go; "" for whatever it is   @param {boolean} cancelled */
  const release = (by, cancelled) => {
    if (!held || (by && held !== by)) return;
    held = "";
    tell({ pressed: false, cancelled });
  };

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    // Whoever slides off the button while talking still holds it.
    button.setPointerCapture(event.pointerId);
    press("pointer");
  });
  button.addEventListener("pointerup", () => release("pointer", false));
  button.addEventListener("pointercancel", () => release("pointer", true));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch asks for one

  document.addEventListener("keydown", (event) => {
    if (event.code !== "Space" || isModified(event)) return;
    const control = event.target instanceof Element && event.target.closest(CONTROLS);
    if (control !== button && (control || !on || isTyping(event))) return;
    if (!held && !allowed()) return;
    event.preventDefault(); // Space scrolls the page, and clicks a button
    if (!event.repeat) press("key");
  });
  document.addEventListener("keyup", (event) => {
    if (event.code === "Space") release("key", false);
  });
  addEventListener("blur", () => release("", true));
  document.addEventListener("visibilitychange", () => document.hidden && release("", true));
}

/**
 * M mutes, P pauses, Escape stops the agent; not where somebody is typing. On a keyboard without Latin letters they are
 * where they would be.
 */
export function shortcuts() {
  /** @param {"mute" | "pause" | "interrupt"} id */
  const press = (id) => $(id).disabled || $(id).click();
  document.addEventListener("keydown", (event) => {
    if (isTyping(event) || isModified(event) || event.repeat) return;
    const letter = /^[!-~]$/.test(event.key) ? event.key.toLowerCase() : event.code;
    if (on && (letter === "m" || letter === "KeyM")) press("mute");
    else if (on && (letter === "p" || letter === "KeyP")) press("pause");
    else if (event.key === "Escape") press("interrupt");
  });
}
