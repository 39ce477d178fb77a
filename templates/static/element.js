/** @import { Elements } from "./elements.js" */

/**
 * The element of the page with that id.
 *
 * @template {keyof Elements} Id
 * @param {Id} id
 */
export const $ = (id) => /** @type {Elements[Id]} */ (document.getElementById(id));
