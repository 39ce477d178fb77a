/** Feeds view updates to the page's transcript, with stand-ins for the few things it asks of a document. */

import { readFileSync } from "node:fs";

import "./texts.mjs";

class Element {
  constructor() {
    Object.assign(this, {
      dataset: {},
      children: [],
      parent: null,
      words: "",
      hidden: false,
      dir: "",
      className: "",
    });
    Object.assign(this, { scrollHeight: 0, scrollTop: 0, clientHeight: 0 });
  }
  get parentNode() {
    return this.parent;
  }
  get textContent() {
    return this.words + this.children.map(({ textContent }) => textContent).join("");
  }
  set textContent(words) {
    this.words = words;
    this.children = [];
  }
  get firstChild() {
    return this.children[0] ?? null;
  }
  get nextSibling() {
    return this.parent.children[this.parent.children.indexOf(this) + 1] ?? null;
  }
  append(...more) {
    for (const one of more) this.insertBefore(one, null);
  }
  addEventListener(_kind, heard) {
    this.scrolled = heard;
  }
  insertBefore(one, before) {
    one.moved = (one.moved ?? 0) + 1;
    one.remove();
    one.parent = this;
    this.children.splice(before === null ? this.children.length : this.children.indexOf(before), 0, one);
  }
  remove() {
    if (this.parent) this.parent.children.splice(this.parent.children.indexOf(this), 1);
    this.parent = null;
  }
  querySelector(selector) {
    return this.children.find(({ className }) => `.${className}` === selector);
  }
}
globalThis.document = { createElement: () => new Element() };

const { drawTurns, mergeTurns } = await import("../../../templates/static/turns.js");
const list = new Element();
const announcer = new Element();
let turns = [];
/** The drawn turns, in or after the box of the older ones. */
const items = () => list.children.flatMap((child) => (child.dataset.turn ? [child] : child.children));
const seen = JSON.parse(readFileSync(0, "utf8")).map((update) => {
  turns = mergeTurns(turns, update);
  for (const item of items()) item.moved = 0;
  list.scrollHeight = 1000;
  list.clientHeight = 100;
  if (update.scrolled_to !== undefined) {
    list.scrollTop = update.scrolled_to;
    list.scrolled();
  }
  drawTurns(list, announcer, turns);
  return {
    turns: structuredClone(turns),
    drawn: items().map((item) => [item.dataset.turn, item.querySelector(".text").textContent]),
    placed: items().reduce((sum, item) => sum + (item.moved ?? 0), 0),
    recent: list.children.length - 1,
    scrolled_to: list.scrollTop,
    dirs: [...new Set(items().map((item) => item.querySelector(".text").dir))],
    announced: announcer.children.map(({ textContent }) => textContent),
  };
});
console.log(JSON.stringify(seen));
