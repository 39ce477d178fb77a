/**
 * Is a file what the build made? The build wrote down a digest of each, and what is not that is not used, whoever
 * changed it: a host, a proxy, a cache, a disk.
 */

import { digestOf } from "./sha256.js";

/** @import { Described } from "./messages.js" */

const SAYS_POLICY = /content security policy|blocked by csp|unsafe-eval/i;
/** @type {Record<number, string>} */
const KIND_OF_STATUS = { 404: "missing", 410: "missing", 408: "network", 425: "network", 429: "network" };
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/**
 * What is wrong with a file. `kind`: "network" (another try may help), "missing", "refused" by the host, "damaged" (or
 * another file), "policy" (the site's policy forbids it), "unknown"; `file`: its name, for the owner of the site.
 */
export class FileFault extends Error {
  /** @param {string} kind   @param {string | null} file   @param {string} message */
  constructor(kind, file, message) {
    super(message);
    this.kind = kind;
    this.file = file;
  }
}

/** @param {{url: string}} file */
export function nameOf({ url }) {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** @param {Described} file   @param {string} what */
export function damaged(file, what) {
  return new FileFault("damaged", nameOf(file), `${what} is damaged`);
}

/** @param {number} status   @param {Described} file   @param {string} what */
export function statusFault(status, file, what) {
  const kind = KIND_OF_STATUS[status] ?? (status >= 500 ? "network" : "refused");
  return new FileFault(kind, nameOf(file), `${what} could not be fetched (status ${status})`);
}

/** @param {unknown} error   @param {Described} file   @param {string} message */
export function faultOf(error, file, message, otherwise = "unknown") {
  if (error instanceof FileFault) return error;
  const { name, message: reason } = /** @type {Error} */ (error);
  const kind = SAYS_POLICY.test(reason) ? "policy" : name === "NetworkError" ? "network" : otherwise;
  return new FileFault(kind, nameOf(file), `${message} (${reason})`);
}

/**
 * Ask for a file; what no file of the build can be is a FileFault.
 *
 * @param {Described} file   @param {string} what   @param {RequestCache} cache
 */
export async function answerTo(file, what, cache) {
  let answer;
  try {
    answer = await fetch(file.url, { cache });
  } catch (error) {
    throw faultOf(error, file, `${what} could not be fetched`, "network");
  }
  if (!answer.ok) throw statusFault(answer.status, file, what);
  if (answer.headers.get("Content-Type")?.startsWith("text/html")) {
    throw new FileFault("missing", nameOf(file), `${what} could not be fetched (a page came in its place)`);
  }
  return answer;
}

/**
 * What a line or a cache has spoilt may be right in another try: `use` is called with the way to look into the
 * browser's cache, and once more where that may help. A copy that is damaged is not kept for ever.
 *
 * @template T
 * @param {(cache: RequestCache, isFirst: boolean) => Promise<T>} use
 */
export async function twice(use) {
  try {
    return await use("default", true);
  } catch (thrown) {
    const fault = /** @type {FileFault} */ (thrown); // of anything else the kind is another one
    if (fault.kind !== "network" && fault.kind !== "damaged") throw fault;
    console.info(`parley: ${fault.message}; trying once more`);
    return use(fault.kind === "damaged" ? "reload" : "default", false);
  }
}

/**
 * The browser compares by itself, which takes next to nothing of a page that starts. It does not say what is wrong.
 *
 * @param {Described} file
 */
function matches({ url, sha256 }) {
  return fetch(url, { integrity: `sha256-${sha256[0]}` }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/**
 * A script that the browser will run from its address: fetched, so that it lies in the cache, and
 * looked at before that.
 *
 * @param {Described} file @param {string} what for a person
 * @param {boolean} isAnew whether this was false just before: our own look overrules a browser that still refuses
 * @returns {Promise<boolean>} false if the first copy was not it, and is replaced. Throws FileFault
 */
export async function genuine(file, what, isAnew = false) {
  if (await matches(file)) return true;
  return twice(async (cache, isFirst) => {
    const answer = await answerTo(file, what, cache);
    const data = await answer.arrayBuffer().catch((error) => {
      throw faultOf(error, file, `${what} could not be fetched`, "network");
    });
    const content = new Uint8Array(data);
    if (content.length !== file.bytes || crc32(content) !== file.crc32) throw damaged(file, what);
    // No script is as long as a part.
    if (![null, file.sha256[0]].includes(await digestOf(content))) throw damaged(file, what);
    return isFirst && isAnew;
  });
}

/** @param {Uint8Array} data */
export function crc32(data) {
  let sum = -1;
  for (let i = 0; i < data.length; i++) sum = CRC_TABLE[(sum ^ data[i]) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}
