/**
 * Sign-in with a token server of the team's own: what a token request carries beside its body. `[server] sign_in` in
 * agent.toml says which way. A bearer comes from the page around ours, for each request anew, and is kept nowhere.
 */

/** @import { BearerAnswer, SignInKind, SignInMessage } from "./messages.js" */

/** @typedef {{credentials: RequestCredentials, headers: Record<string, string>}} Shown */

/** What the page around ours gives for a bearer: it goes into one header, so it is one word of visible ASCII. */
export const BEARER = /^[\x21-\x7e]{1,8192}$/;

export class SignIn {
  /** @param {SignInKind} kind   @param {(message: SignInMessage) => void} post to the page */
  constructor(kind, post) {
    this.kind = kind;
    this.post = post;
    this.asked = 0;
    /** Who waits for an answer. @type {Map<number, (bearer: string | null) => void>} */
    this.waiting = new Map();
  }

  /**
   * For one request; null where no bearer is given in time. @param {number} timeout_ms
   * @returns {Promise<Shown | null>}
   */
  async shown(timeout_ms) {
    if (this.kind !== "bearer") return { credentials: this.kind === "cookie" ? "include" : "same-origin", headers: {} };
    const bearer = await this.bearer(timeout_ms);
    return bearer === null ? null : { credentials: "same-origin", headers: { Authorization: `Bearer ${bearer}` } };
  }

  /** @param {number} timeout_ms   @returns {Promise<string | null>} */
  async bearer(timeout_ms) {
    const id = ++this.asked;
    const given = await new Promise((resolve) => {
      this.waiting.set(id, resolve);
      setTimeout(resolve, timeout_ms, null);
      this.post({ type: "sign_in", id });
    });
    this.waiting.delete(id);
    return given;
  }

  /** @param {BearerAnswer} answer */
  answered({ id, bearer }) {
    this.waiting.get(id)?.(typeof bearer === "string" && BEARER.test(bearer) ? bearer : null);
  }
}
