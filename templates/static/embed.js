/**
 * The embedded page's side of `<voice-agent>`: takes commands from the page around this one and says what happens.
 *
 * That page must come from an origin in `embedded_by` of `agent.toml`. It sends one message with a port; everything
 * else goes over that port, which nobody else has.
 */

import { BIND, isAllowed, readCommand } from "./embed_messages.js";

/** @import { Command, News, Shown, Told } from "./embed_types.js" */
/** @import { Intent, QuestionMessage } from "./messages.js" */

const OVER = ["idle", "ended", "failed"];

/** @type {Told} */
const NOTHING = { state: null, turns: [], notice: null };

export class OuterPage {
  /**
   * @param {string[]} embedders origins, as `embedded_by` has them
   * @param {(command: Command) => void} obey
   * @param {() => Shown} look what the page shows
   */
  constructor(embedders, obey, look) {
    this.embedders = embedders;
    this.obey = obey;
    this.look = look;
    this.told = NOTHING;
    /** The calls of page tools that wait for an answer. @type {Set<string>} */
    this.calls = new Set();
    /** The token requests that wait for a bearer. @type {Set<number>} */
    this.signIns = new Set();
    /** @type {MessagePort | null} */
    this.port = null;
    if (window.parent !== window && embedders.length > 0) addEventListener("message", (event) => this.bind(event));
  }

  /** The last one counts: a tag that was moved within its page binds anew. @param {MessageEvent} event */
  bind({ data, source, origin, ports }) {
    if (source !== window.parent || data !== BIND || ports.length !== 1) return;
    if (!isAllowed(origin, this.embedders)) return;
    this.port?.close();
    const [port] = ports;
    this.port = port;
    this.told = NOTHING;
    port.onmessage = (event) => {
      const command = readCommand(event.data);
      if (command) this.obey(command);
    };
    this.say({ type: "ready" });
    this.changed();
  }

  /** Something may have happened. */
  changed() {
    if (!this.port) return;
    const [told, messages] = news(this.told, this.look());
    this.told = told;
    for (const message of messages) this.say(message);
  }

  /** A page tool is called. Returns the answer where nobody is there to give one. @param {QuestionMessage} question */
  run(question) {
    if (question.type === "page_tool") {
      const { call_id, name } = question;
      if (!this.port) return failed(call_id, `No page is there to answer ${name}: it is not in a <voice-agent>`);
      this.calls.add(call_id);
      this.say({ type: "call", id: call_id, name, arguments: question.arguments });
    } else if (this.calls.delete(question.call_id)) this.say({ type: "cancel", id: question.call_id });
    return null;
  }

  /**
   * A token request needs a bearer. Returns the answer where nobody is there to give one.
   *
   * @param {import("./messages.js").SignInMessage} wanted   @returns {Intent | null}
   */
  signIn({ id }) {
    if (!this.port) return { type: "bearer", id, bearer: null };
    this.signIns.add(id);
    this.say({ type: "sign_in", id });
    return null;
  }

  /** What Python is told of an answer; nothing, where nobody waits for it. @param {Command} command */
  answered(command) {
    if (command.type === "bearer") return this.signIns.delete(command.id) ? command : null;
    if (command.type !== "result" && command.type !== "failure") return null;
    if (!this.calls.delete(command.id)) return null;
    return command.type === "failure"
      ? failed(command.id, command.error)
      : /** @type {Intent} */ ({ type: "tool_answered", call_id: command.id, result: command.result });
  }

  /** Python is gone: nobody waits for any answer. */
  forget() {
    for (const id of this.calls) this.say({ type: "cancel", id });
    this.calls.clear();
    this.signIns.clear();
  }

  /** @param {News} message */
  say(message) {
    this.port?.postMessage(message);
  }
}

/** @param {string} call_id   @param {string} error   @returns {Intent} */
function failed(call_id, error) {
  return { type: "tool_answered", call_id, error };
}

/**
 * What is new since the tag was told last: first the state, then what was said, then what went wrong, then the end.
 *
 * @param {Told} told   @param {Shown} shown
 * @returns {[Told, News[]]}
 */
export function news(told, { view, local }) {
  /** @type {News[]} */
  const messages = [];
  const before = told.state;
  const state = {
    state: local ? "opening" : view.state,
    activity: view.activity,
    status: local?.status ?? view.status,
    muted: view.muted,
    paused: view.paused,
  };
  const same =
    before?.state === state.state &&
    before.activity === state.activity &&
    before.status === state.status &&
    before.muted === state.muted &&
    before.paused === state.paused;
  if (!same) messages.push({ type: "state", detail: state });
  if (view.turns !== told.turns) {
    const known = new Map(told.turns.map((turn) => [turn.id, turn]));
    const turns = view.turns.filter((turn) => known.get(turn.id) !== turn);
    messages.push({ type: "turns", order: view.turns.map(({ id }) => id), turns });
  }
  const { notice } = view;
  const fresh = notice && (notice.code !== told.notice?.code || notice.hint !== told.notice.hint);
  if (fresh && notice.tone !== "info") messages.push({ type: "error", detail: notice });
  if (before && !OVER.includes(before.state) && OVER.includes(state.state)) {
    const failed = state.state === "failed";
    messages.push({
      type: "end",
      detail: { state: failed ? "failed" : "ended", code: failed ? (notice?.code ?? null) : null },
    });
  }
  return [{ state: same ? before : state, turns: view.turns, notice }, messages];
}
