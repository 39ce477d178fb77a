/** What a tool asks the person before it runs: one question after the other, each until it is answered or over. */

import { $ } from "./element.js";

export class Approvals {
  /** @param {(call_id: string, approved: boolean) => void} answer */
  constructor(answer) {
    this.answer = answer;
    /** @type {{call_id: string, text: string}[]} */
    this.asked = [];
    $("approve").addEventListener("click", () => this.decide(true));
    $("refuse").addEventListener("click", () => this.decide(false));
  }

  /** @param {string} call_id   @param {string} text */
  ask(call_id, text) {
    this.asked.push({ call_id, text });
    this.draw();
  }

  /** Nobody waits for the answer any more; without an id, for none. @param {string} [call_id] */
  over(call_id) {
    this.asked = this.asked.filter((it) => call_id !== undefined && it.call_id !== call_id);
    this.draw();
  }

  /** @param {boolean} approved */
  decide(approved) {
    const first = this.asked.shift();
    if (first) this.answer(first.call_id, approved);
    this.draw();
  }

  draw() {
    const [first] = this.asked;
    $("approval-text").textContent = first?.text ?? "";
    $("approval").hidden = !first;
  }
}
