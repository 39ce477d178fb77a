/** @import { Elements } from "./elements.js" */

/**
 * The element of the page with that id.
 *
 * @template {keyof Elements} Id
 * @param {Id} id
 */
export const $ = (id) => /** @type {Elements[Id]} */ (document.getElementById(id));

/**
 * Make these the children of a list, in this order. First what is gone is taken out, and what stays where it is is not
 * touched: whatever is moved, also to where it was, is laid out anew, and a full list loses its first with each new one.
 *
 * @param {Element} list   @param {Element[]} wanted
 */
export function arrange(list, wanted) {
  const kept = new Set(wanted);
  for (const child of [...list.children]) if (!kept.has(child)) child.remove();
  let place = list.firstChild;
  for (const element of wanted) {
    if (element === place) place = place.nextSibling;
    else list.insertBefore(element, place);
  }
}

/**
 * What is there already is not touched: it needs no new layout, and what somebody has selected stays so.
 *
 * @param {Element} element   @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Names and values of a definition list. @param {Element} list   @param {Record<string, unknown>} values by their names */
export function setPairs(list, values) {
  const words = Object.entries(values).flatMap(([name, value]) => [name, String(value ?? "–")]);
  while (list.children.length > words.length) list.lastElementChild?.remove();
  words.forEach((text, n) => {
    setText(list.children[n] ?? list.appendChild(document.createElement(n % 2 ? "dd" : "dt")), text);
  });
}
