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
