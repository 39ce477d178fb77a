/**
 * `<voice-agent>`: the agent's page in a page of somebody else's. One file, at the root of the site that it belongs to.
 *
 * It shows that site's page in an iframe and talks with it over a port (`embed_messages.js`). It fetches nothing before
 * a person shows interest, puts nothing into the page around it but what is in its own shadow tree, and lets go of all
 * of it when it is taken out. docs/embedding.md says what a team can do with it.
 */

import { BIND, MAX_RESULT_CHARS, readNews } from "./embed_messages.js";
import { preferred } from "./preferred.js";
import { STYLE } from "./voice_agent_style.js";

/** @import { Command, News, StateDetail } from "./embed_types.js" */
/** @typedef {(given: any, context: {signal: AbortSignal}) => unknown} PageTool */
/** @typedef {() => string | null | undefined | Promise<string | null | undefined>} SignInFunction */
/** @import { Notice, Turn } from "./messages.js" */

const SITE = new URL("./", import.meta.url);
// A page that is shown answers at once when it has loaded. One that may not be shown here never does.
const PATIENCE_MS = 20_000;
const LANGUAGES = Object.keys(TAG_TEXTS);
/** In the language of the agent's page, as that page chooses it. @param {string} key   @param {Element} tag */
const t = (key, tag) => TAG_TEXTS[preferred(LANGUAGES, tag.getAttribute("language")) ?? LANGUAGES[0]][key];

const OVER = ["idle", "loading", "ended", "failed"];
/** @type {StateDetail} */
const IDLE = Object.freeze({ state: "idle", activity: "none", status: "", muted: false, paused: false });

const style = new CSSStyleSheet();
style.replaceSync(STYLE);

/**
 * An element with its part, which is its class too.
 *
 * @template {"button" | "div" | "span" | "p" | "iframe"} Tag
 * @param {Tag} tag   @param {string} part
 */
function made(tag, part) {
  const element = document.createElement(tag);
  element.className = part;
  element.setAttribute("part", part);
  return element;
}

// Another page of the site, or the same one in another language: it is loaded anew.
const OF_THE_PAGE = ["agent", "language"];
const SCHEME = "color-scheme";

/** @typedef {Error & {code: string, hint: string}} CallError */

/** @param {string} code   @param {string} message   @param {string} [hint]   @returns {CallError} */
function callError(code, message, hint = "") {
  return Object.assign(new Error(message), { code, hint });
}

class VoiceAgent extends HTMLElement {
  static observedAttributes = ["open", "eager", "label", "close-label", ...OF_THE_PAGE, SCHEME];

  #launcher = made("button", "launcher");
  #label = made("span", "label");
  #panel = made("div", "panel");
  #message = made("p", "message");
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  /** @type {MessagePort | null} */
  #port = null;
  /** @type {number | null} */
  #patience = null;
  /** The page has answered. */
  #bound = false;
  /** A call was asked for before that. */
  #wanted = false;
  /** @type {boolean | null} */
  #muted = null;
  /** @type {number | null} */
  #volume = null;
  /** @type {Map<string, PageTool>} */
  #tools = new Map();
  /** Calls of them that are not answered yet. @type {Map<string, AbortController>} */
  #calls = new Map();
  /** Gives a bearer for the token server. @type {SignInFunction | null} */
  #signIn = null;
  #told = IDLE;
  /**
   * Settles what `connect` promised. @type {{promise: Promise<void>, live: () => void, failed: (error: CallError) =>
   * void} | null}
   */
  #connecting = null;
  /** What went wrong last. @type {CallError | null} */
  #wrong = null;
  /** @type {Map<string, Turn>} */
  #turns = new Map();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style];
    this.#launcher.type = "button";
    this.#launcher.append(made("span", "icon"), this.#label);
    this.#message.setAttribute("role", "alert");
    this.#message.hidden = true;
    this.#panel.append(this.#message);
    root.append(this.#launcher, this.#panel);
    for (const intent of ["pointerenter", "focus", "touchstart"]) {
      this.#launcher.addEventListener(intent, () => this.#load(), { passive: true });
    }
    this.#launcher.addEventListener("click", () => (this.open ? this.#close() : this.connect()));
    this.#draw();
  }

  connectedCallback() {
    // Set before this script had run, they hide what this class makes of them.
    for (const name of /** @type {const} */ (["tools", "signIn"])) {
      if (!Object.hasOwn(this, name)) continue;
      const given = this[name];
      Reflect.deleteProperty(this, name);
      Object.assign(this, { [name]: given });
    }
    this.#draw();
    if (this.open || this.hasAttribute("eager")) this.#load();
  }

  /** Everything goes with the iframe: its page ends the call, and the browser ends its worker. */
  disconnectedCallback() {
    this.#unload();
  }

  /** @param {string} name   @param {string | null} before   @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (OF_THE_PAGE.includes(name) && before !== now && this.#frame) {
      this.#unload();
      this.#tell(IDLE);
    }
    if (name === SCHEME) this.#send({ type: "color_scheme", scheme: now ?? "" });
    this.#draw();
    if (this.isConnected && (this.open || this.hasAttribute("eager"))) this.#load();
  }

  // What a team's page can ask and read

  /** Whether the agent's page is shown. */
  get open() {
    return this.hasAttribute("open");
  }

  set open(open) {
    this.toggleAttribute("open", Boolean(open));
  }

  /** "idle", "loading", "opening", then as the session's own. */
  get state() {
    return this.#told.state;
  }

  get activity() {
    return this.#told.activity;
  }

  get muted() {
    return this.#told.muted;
  }

  get paused() {
    return this.#told.paused;
  }

  /** What was said in this call, in order. */
  get transcript() {
    return [...this.#turns.values()];
  }

  /** What this page does for the agent: functions by the names of tools with `page=True`. */
  get tools() {
    return Object.fromEntries(this.#tools);
  }

  /** @param {Record<string, PageTool>} tools */
  set tools(tools) {
    const given = Object.entries(tools ?? {});
    for (const [name, tool] of given) {
      if (typeof tool !== "function") throw new TypeError(`tools.${name} is no function`);
    }
    this.#tools = new Map(given);
  }

  /** Who is asked for a bearer before each token: a function, or null where nobody is signed in. */
  get signIn() {
    return this.#signIn;
  }

  /** @param {SignInFunction | null} signIn */
  set signIn(signIn) {
    if (signIn !== null && typeof signIn !== "function") throw new TypeError("signIn is no function");
    this.#signIn = signIn;
  }

  /**
   * Show the agent's page and start a call. Settles when it is live, or with the `CallError` that says why it is not.
   */
  connect() {
    if (!this.isConnected) return Promise.reject(callError("embed_no_page", "<voice-agent> is in no page"));
    this.open = true;
    this.#load();
    if (this.#told.state === "live") return Promise.resolve();
    const promise = this.#promised();
    this.#wanted = !this.#bound;
    this.#prepare();
    this.#send({ type: "connect" });
    return promise;
  }

  disconnect() {
    this.#wanted = false;
    // A call that has begun ends with an event; one that has not is over now.
    if (!this.#bound || OVER.includes(this.#told.state)) this.#failed();
    this.#send({ type: "disconnect" });
  }

  mute(muted = true) {
    this.#muted = Boolean(muted);
    this.#send({ type: "mute", muted: this.#muted });
  }

  /** Hold the agent in a call, or let it go on. */
  pause(paused = true) {
    this.#send({ type: "pause", paused: Boolean(paused) });
  }

  /** Have the agent stop talking. */
  interrupt() {
    this.#send({ type: "interrupt" });
  }

  /** Say something by text, in a call. @param {string} text */
  sendText(text) {
    this.#send({ type: "text", text: String(text) });
  }

  /** How loud the agent is, from 0 to 1. @param {number} volume */
  setVolume(volume) {
    if (!(volume >= 0 && volume <= 1)) throw new RangeError("a volume is a number from 0 to 1");
    this.#volume = volume;
    this.#send({ type: "volume", volume });
  }

  // Inside

  #draw() {
    const { open } = this;
    this.#panel.hidden = !open;
    const label = this.getAttribute("label") ?? t("tag.label", this);
    this.#label.textContent = open ? (this.getAttribute("close-label") ?? t("tag.close", this)) : label;
    this.#launcher.setAttribute("aria-expanded", String(open));
    if (this.#frame) this.#frame.title = label;
  }

  /** Nobody talks to a microphone that cannot be seen. */
  #close() {
    this.open = false;
    this.disconnect();
  }

  #promised() {
    if (this.#connecting) return this.#connecting.promise;
    this.#wrong = null;
    /** @type {() => void} */
    let live = () => {};
    /** @type {(error: CallError) => void} */
    let failed = () => {};
    /** @type {Promise<void>} */
    const promise = new Promise((resolve, reject) => {
      live = resolve;
      failed = reject;
    });
    promise.catch(() => {}); // who does not wait for it reads the events
    this.#connecting = { promise, live, failed };
    return promise;
  }

  /** @param {Notice} notice */
  #note({ tone, code, title, hint }) {
    if (tone !== "error") return;
    this.#wrong = callError(code, title, hint);
    if (OVER.includes(this.#told.state)) this.#failed();
  }

  #failed(error = this.#wrong ?? callError("embed_ended", "The call ended before it was live")) {
    this.#connecting?.failed(error);
    this.#connecting = null;
  }

  #unload() {
    this.#unbind();
    this.#frame?.remove();
    this.#frame = null;
    this.#wanted = false;
    this.#told = IDLE;
    this.#turns.clear();
    this.#message.hidden = true;
    this.#failed();
  }

  /** Where the agent's page is. What it shall look like stands behind `#`, so that every host has it. */
  #address() {
    const agent = this.getAttribute("agent");
    const url = new URL(agent ? `${encodeURIComponent(agent)}.html` : "", SITE);
    const asked = ["language", SCHEME].filter((name) => this.getAttribute(name));
    url.hash = ["embed", ...asked.map((name) => `${name}=${encodeURIComponent(this.getAttribute(name) ?? "")}`)].join(
      "&",
    );
    return url.href;
  }

  #load() {
    if (this.#frame || !this.isConnected) return;
    const frame = made("iframe", "frame");
    this.#frame = frame;
    frame.allow = "microphone; autoplay; screen-wake-lock";
    frame.referrerPolicy = "no-referrer";
    frame.title = this.getAttribute("label") ?? t("tag.label", this);
    frame.src = this.#address();
    frame.addEventListener("load", () => this.#bind());
    this.#patience = setTimeout(() => this.#missed(), PATIENCE_MS);
    this.#tell({ ...this.#told, state: "loading" });
    this.#panel.prepend(frame);
  }

  /** The page has loaded. Only one of our site's gets the port. */
  #bind() {
    this.#port?.close();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => {
      const news = readNews(data);
      if (news) this.#received(news);
    };
    this.#frame?.contentWindow?.postMessage(BIND, SITE.origin, [port2]);
  }

  #unbind() {
    for (const call of this.#calls.values()) call.abort();
    this.#calls.clear();
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
    this.#port?.close();
    this.#port = null;
    this.#bound = false;
  }

  #missed() {
    this.#patience = null;
    this.#wanted = false;
    const title = t("tag.no_answer", this);
    const hint = t("tag.no_answer_hint", this).replace("{origin}", location.origin);
    this.#message.textContent = `${title}.`;
    this.#message.hidden = false;
    if (this.#frame) this.#frame.hidden = true;
    this.#tell(IDLE);
    this.#fire("error", { tone: "error", code: "embed_no_answer", title, hint, retry: false });
    this.#failed(callError("embed_no_answer", title, hint));
  }

  #prepare() {
    const [greeting, voice] = [this.getAttribute("greeting"), this.getAttribute("voice")];
    const wishes = { ...(greeting !== null && { greeting }), ...(voice !== null && { voice }) };
    // `data-first-name` is `first_name` in agent.toml.
    const given = [...this.attributes].filter(({ name }) => name.startsWith("data-"));
    const named = given.map(({ name, value }) => [name.slice(5).replaceAll("-", "_"), value]);
    this.#send({ type: "prepare", wishes, variables: Object.fromEntries(named) });
  }

  /** @param {Command} command */
  #send(command) {
    if (this.#bound) this.#port?.postMessage(command);
  }

  /** @param {News} news */
  #received(news) {
    switch (news.type) {
      case "ready":
        return this.#ready();
      case "state":
        return this.#tell(news.detail);
      case "turns":
        return this.#said(news.order, news.turns);
      case "call":
        return void this.#run(news.id, news.name, news.arguments);
      case "cancel":
        this.#calls.get(news.id)?.abort();
        this.#calls.delete(news.id);
        return;
      case "sign_in":
        return void this.#giveBearer(news.id);
      case "error":
        this.#fire("error", news.detail);
        return this.#note(news.detail);
      case "end":
        this.#fire("end", news.detail);
        return this.#failed();
    }
  }

  #ready() {
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
    this.#bound = true;
    this.#message.hidden = true;
    if (this.#frame) this.#frame.hidden = false;
    if (this.#volume !== null) this.#send({ type: "volume", volume: this.#volume });
    if (this.#muted !== null) this.#send({ type: "mute", muted: this.#muted });
    this.#prepare();
    if (this.#wanted) this.#send({ type: "connect" });
    this.#wanted = false;
  }

  /** @param {StateDetail} told */
  #tell(told) {
    this.#told = Object.freeze(told);
    this.#fire("state", told);
    if (told.state !== "live") return;
    this.#connecting?.live();
    this.#connecting = null;
  }

  /** @param {string[]} order   @param {Turn[]} turns */
  #said(order, turns) {
    const known = new Map([...this.#turns, ...turns.map((turn) => /** @type {const} */ ([turn.id, turn]))]);
    this.#turns.clear();
    for (const id of order) {
      const turn = known.get(id);
      if (turn) this.#turns.set(id, Object.freeze(turn));
    }
    for (const turn of turns) this.#fire(turn.role === "tool" ? "tool" : "transcript", turn);
  }

  /**
   * Answer the agent. What went wrong is said as it is; the agent tells the person.
   *
   * @param {string} id   @param {string} name   @param {Record<string, unknown>} given
   */
  async #run(id, name, given) {
    const call = new AbortController();
    this.#calls.set(id, call);
    /** @type {Command} */
    let answer;
    try {
      const tool = this.#tools.get(name);
      if (!tool) throw new Error(`This page does not answer ${name}`);
      const result = JSON.stringify((await tool(given, { signal: call.signal })) ?? null);
      if (result === undefined || result.length > MAX_RESULT_CHARS)
        throw new Error(`The result of ${name} is no JSON, or too long`);
      answer = { type: "result", id, result };
    } catch (error) {
      answer = { type: "failure", id, error: String(error).slice(0, 400) };
    }
    if (this.#calls.delete(id)) this.#send(answer);
  }

  /**
   * Only the agent's page hears it. What went wrong is this page's own affair: its words may hold a
   * secret. @param {number} id
   */
  async #giveBearer(id) {
    let bearer = null;
    try {
      bearer = (await this.#signIn?.()) ?? null;
    } catch (error) {
      console.warn("voice-agent: signIn failed:", /** @type {Error} */ (error)?.name);
    }
    this.#send({ type: "bearer", id, bearer: typeof bearer === "string" ? bearer : null });
  }

  /** @param {string} name   @param {StateDetail | Turn | Notice | {}} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(`voice-agent:${name}`, { bubbles: true, composed: true, detail }));
  }
}

// Twice in one page is once.
if (!customElements.get("voice-agent")) customElements.define("voice-agent", VoiceAgent);
