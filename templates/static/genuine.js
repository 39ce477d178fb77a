/**
 * Is a file what the build made? The build wrote down a digest of each, and what is not that is not used, whoever changed it: a
 * host, a proxy, a cache, a disk.
 *
 * @typedef {{url: string, bytes: number, part_bytes: number, sha256: string[], crc32: number}} Described
 *   a file as the build describes it: the length of its content, a digest of each part of `part_bytes`, and a sum of the whole for
 *   who cannot wait for a digest (`builder/assets.py`)
 */

const SAYS_POLICY = /content security policy|blocked by csp|unsafe-eval/i;
const KIND_OF_STATUS = { 404: "missing", 410: "missing", 408: "network", 425: "network", 429: "network" };
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/**
 * What is wrong with a file. `kind`: "network" (another try may help), "missing", "refused" by the host, "damaged" (or another
 * file), "policy" (the site's policy forbids it), "unknown"; `file`: its name, for the owner of the site.
 */
export class FileFault extends Error {
  constructor(kind, file, message) {
    super(message);
    Object.assign(this, { kind, file });
  }
}

export function nameOf({ url }) {
  return url.slice(url.lastIndexOf("/") + 1);
}

export function damaged(file, what) {
  return new FileFault("damaged", nameOf(file), `${what} is damaged`);
}

export function statusFault(status, file, what) {
  const kind = KIND_OF_STATUS[status] ?? (status >= 500 ? "network" : "refused");
  return new FileFault(kind, nameOf(file), `${what} could not be fetched (status ${status})`);
}

export function faultOf(error, file, message, otherwise = "unknown") {
  if (error instanceof FileFault) return error;
  const kind = SAYS_POLICY.test(error.message) ? "policy" : error.name === "NetworkError" ? "network" : otherwise;
  return new FileFault(kind, nameOf(file), `${message} (${error.message})`);
}

/** Ask for a file; what no file of the build can be is a FileFault. @returns {Promise<Response>} */
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
 * What a line or a cache has spoilt may be right in another try: `use` is called with the way to look into the browser's cache,
 * and once more where that may help. A copy that is damaged is not kept for ever.
 */
export async function twice(use) {
  try {
    return await use("default", true);
  } catch (fault) {
    if (fault.kind !== "network" && fault.kind !== "damaged") throw fault;
    console.info(`parley: ${fault.message}; trying once more`);
    return use(fault.kind === "damaged" ? "reload" : "default", false);
  }
}

/**
 * A script that the browser will run from its address: fetched, so that it lies in the cache, and looked at before that.
 *
 * @param {Described} file @param {string} what for a person
 * @returns {Promise<boolean>} false if the copy that the browser had was a wrong one, and is replaced. Throws FileFault
 */
export function genuine(file, what) {
  return twice(async (cache, isFirst) => {
    const answer = await answerTo(file, what, cache);
    const data = await answer.arrayBuffer().catch((error) => {
      throw faultOf(error, file, `${what} could not be fetched`, "network");
    });
    const content = new Uint8Array(data);
    if (content.length !== file.bytes || crc32(content) !== file.crc32) throw damaged(file, what);
    if (!(await matches(content, file.sha256[0]))) throw damaged(file, what); // no script is as long as a part
    return isFirst;
  });
}

/** Without a secure context there are no digests; the sum has to do. */
export async function matches(data, sha256) {
  if (!crypto.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return btoa(String.fromCharCode(...digest)) === sha256;
}

export function crc32(data) {
  let sum = -1;
  for (let i = 0; i < data.length; i++) sum = CRC_TABLE[(sum ^ data[i]) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}
