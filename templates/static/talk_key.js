/**
 * Push to talk: hold the button (mouse, pen, finger), or the Space bar anywhere outside a control. Letting go sends what was
 * said; a page that loses its focus takes it back, because nobody knows what was said after that.
 */

import { $ } from "./element.js";

const CONTROLS = "input, textarea, select, button, summary, a, [contenteditable]";

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
    if (event.key !== " " || event.altKey || event.ctrlKey || event.metaKey) return;
    const control = event.target instanceof Element && event.target.closest(CONTROLS);
    if (control && control !== button) return;
    if (!held && !allowed()) return;
    event.preventDefault(); // Space scrolls the page, and clicks a button
    if (!event.repeat) press("key");
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") release("key", false);
  });
  addEventListener("blur", () => release("", true));
  document.addEventListener("visibilitychange", () => document.hidden && release("", true));
}

/** M mutes, Escape stops the agent; not where somebody is typing. */
export function shortcuts() {
  /** @param {"mute" | "interrupt"} id */
  const press = (id) => $(id).disabled || $(id).click();
  document.addEventListener("keydown", (event) => {
    const typing =
      event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    if (typing || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    if (event.key.toLowerCase() === "m") press("mute");
    else if (event.key === "Escape") press("interrupt");
  });
}
