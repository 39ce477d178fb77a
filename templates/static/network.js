/**
 * What a request or a socket that failed was, as far as a browser tells: a page must not say "offline"
 * where a policy forbids.
 */

const CLOSE_PATIENCE_MS = 300;
const VIOLATION_PATIENCE_MS = 50;

/**
 * Addresses that the policy of this worker, or page, has refused. Chromium tells of them, a moment after the failure.
 *
 * @type {Set<string>}
 */
const refused = new Set();
globalThis.addEventListener?.("securitypolicyviolation", (event) => {
  refused.add(/** @type {SecurityPolicyViolationEvent} */ (event).blockedURI);
});

/**
 * POST for a token. `shown`: what the token server is shown of who asks (`sign_in.js`).
 *
 * @param {string} url   @param {string} body   @param {number} timeout_ms   @param {import("./sign_in.js").Shown} shown
 */
export function askForToken(url, body, timeout_ms, { credentials, headers }) {
  const all = { "Content-Type": "application/json", ...headers };
  return answerOf(url, { method: "POST", body, headers: all, credentials }, timeout_ms);
}

/**
 * A request to the token server.
 *
 * @param {string} url   @param {RequestInit} request   @param {number} timeout_ms
 * @returns {Promise<{status: number, text: string, retry_after: string}>} status 0: there is no answer to be read, and
 * `text` is why:
 *   "redirected", "policy", "offline", or the name of the error
 */
export async function answerOf(url, request, timeout_ms) {
  try {
    const answer = await fetch(url, {
      ...request,
      cache: "no-store",
      redirect: "manual", // followed, it would end at somebody's page for signing in, which answers with 200
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(timeout_ms),
    });
    if (answer.type === "opaqueredirect") return { status: 0, text: "redirected", retry_after: "" };
    return { status: answer.status, text: await answer.text(), retry_after: answer.headers.get("Retry-After") ?? "" };
  } catch (error) {
    return { status: 0, text: await whyNoAnswer(url, error), retry_after: "" };
  }
}

/** @param {string} url   @param {unknown} error */
async function whyNoAnswer(url, error) {
  if (navigator.onLine === false) return "offline";
  await new Promise((resolve) => setTimeout(resolve, VIOLATION_PATIENCE_MS));
  return refused.has(new URL(url, self.location.href).href) ? "policy" : nameOf(error);
}

/** What kind of error it was. @param {unknown} error */
export const nameOf = (error) => String(/** @type {Error} */ (error).name);

/**
 * What Python is told of a socket that the page's policy forbids; it gets no close frame, so no server can have said
 * this.
 *
 * @param {string} url
 */
export const blocked = (url) => `blocked by policy: ${new URL(url).origin}`;

/** Firefox throws for such a socket. @param {unknown} error */
export const isBlocked = (error) => /BLOCKED/.test(nameOf(error));

/**
 * Chromium and WebKitGTK fire `error` for it and then no `close`, which follows every
 * other failure at once (measured in Chromium 156, WebKitGTK 2.50; the specification
 * wants both: websockets.spec.whatwg.org/#feedback-from-the-protocol).
 *
 * @param {WebSocket} socket   @param {() => boolean} isOpen   @param {() => void} tell
 */
export function whenBlocked(socket, isOpen, tell) {
  socket.onerror = () => setTimeout(() => isOpen() && tell(), CLOSE_PATIENCE_MS);
}
