/**
 * The files that the build made for Python: fetched, decoded, and taken only when they are what the build made.
 *
 * Each is one address with two forms. The file itself is gzip and is decoded here, whatever a host says of it; where a
 * host negotiates, it sends the brotli beside it, and the browser has decoded that already. The first two bytes tell
 * which it was. What was decoded is compared with the build's digest, so no host, proxy or cache can make Python start
 * with something else.
 */

import { FileFault, answerTo, crc32, damaged, faultOf, genuine, nameOf, statusFault, twice } from "./genuine.js";
import { gunzipped } from "./inflate.js";
import { digestOf } from "./sha256.js";

/** @import { Preloaded } from "./preload.js" */
/** @import { Described } from "./messages.js" */
/** @typedef {AsyncGenerator<Uint8Array<ArrayBuffer>, void>} Pieces   a file as it comes */

const GZIP = [0x1f, 0x8b];

/**
 * @typedef {{ahead?: Preloaded | null, progress?: (share: number) => void, again?: () => void}} Options
 *   `again` is called before a second try
 */

/** @param {Described} file   @param {string} what for a person   @param {Options} options */
export async function whole(file, what, options = {}) {
  return (await either(file, null, what, options)).data;
}

/**
 * The file, or what was made of it in an earlier visit: as long, and of the digests `other`.
 *
 * @param {Described} file   @param {string[] | null} other   @param {string} what   @param {Options} options
 */
export function either(file, other, what, { ahead = null, progress, again = () => {} } = {}) {
  return twice((cache, isFirst) => {
    if (!isFirst) again();
    return exactly(file, other, piecesOf(file, what, cache, isFirst ? ahead : null), what, progress);
  });
}

/**
 * The WebAssembly in a file. It is compiled in one piece, on other threads: compiling while it arrives holds up
 * this one (50 ms in Chromium), and of what a start needs it is the smaller file, so that it is ready before
 * the other has come.
 *
 * @param {Described} file   @param {string} what   @param {Preloaded | null} ahead
 */
export function compiled(file, what, ahead = null) {
  const compile = async () => {
    const made = await ahead?.module(file);
    if (made) return made;
    const data = await whole(file, what, { ahead });
    return WebAssembly.compile(data).catch((error) => {
      throw faultOf(error, file, `${what} could not be compiled`);
    });
  };
  const module = compile();
  module.catch(() => {}); // told when it is awaited
  return module;
}

/**
 * A script that is run only when it is what the build made. The browser has it in its cache by then.
 *
 * @param {Described} file   @param {string} what   @param {Preloaded | null} ahead
 */
export async function imported(file, what, ahead = null) {
  if (!(await ahead?.isGenuine(file))) await genuine(file, what);
  try {
    return await import(file.url);
  } catch (error) {
    throw new FileFault(
      "refused",
      nameOf(file),
      `${what} is not run by the browser (${/** @type {Error} */ (error).message})`,
    );
  }
}

/**
 * An import statement in Python cannot wait for a promise. In a worker a request may hold up everything, and here it
 * has to.
 *
 * @param {Described} file   @param {string} what
 */
export function wholeNow(file, what) {
  let fault = null;
  for (const again of ["", "?again"]) {
    try {
      const request = new XMLHttpRequest();
      request.open("GET", file.url + again, false);
      request.responseType = "arraybuffer";
      request.send();
      if (request.status !== 200) throw statusFault(request.status, file, what);
      const data = new Uint8Array(request.response);
      const content = isPacked(data) ? gunzipped(data, file.bytes) : data;
      if (content.length === file.bytes && crc32(content) === file.crc32) return content;
      throw damaged(file, what);
    } catch (error) {
      fault = error instanceof RangeError ? damaged(file, what) : faultOf(error, file, `${what} could not be fetched`);
    }
  }
  throw fault;
}

/** @param {Described} file   @param {string} what   @param {RequestCache} cache   @param {Preloaded | null} ahead */
function piecesOf(file, what, cache, ahead) {
  return ahead?.pieces(file, what) || fetched(file, what, cache);
}

/**
 * A file as it comes.
 *
 * @param {Described} file   @param {string} what   @param {RequestCache} cache   @returns {Pieces}
 */
async function* fetched(file, what, cache) {
  const { body } = await answerTo(file, what, cache);
  if (body === null) throw damaged(file, what); // an answer without content
  const reader = body.getReader();
  try {
    for (let it = await reader.read(); !it.done; it = await reader.read()) yield it.value;
  } catch (error) {
    throw faultOf(error, file, `${what} could not be fetched`, "network");
  } finally {
    reader.cancel().catch(() => {}); // whoever had enough of it
  }
}

/** Decoded, if it is not yet. @param {Pieces} pieces   @returns {Pieces} */
async function* unpacked(pieces) {
  const source = pieces[Symbol.asyncIterator]();
  let head = new Uint8Array(0);
  while (head.length < GZIP.length) {
    const { value } = await source.next();
    if (!value) break;
    head = head.length === 0 ? value : Uint8Array.of(...head, ...value);
  }
  if (head.length > 0 && !isPacked(head)) yield head;
  if (!isPacked(head)) {
    yield* source;
    return;
  }
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  let fault = /** @type {FileFault | null} */ (null);
  const fed = async () => {
    await writer.write(head);
    for await (const piece of { [Symbol.asyncIterator]: () => source }) await writer.write(piece);
    await writer.close();
  };
  fed().catch((error) => {
    fault = error instanceof FileFault ? error : fault;
    writer.abort(error).catch(() => {});
  });
  const reader = readable.getReader();
  try {
    for (let it = await reader.read(); !it.done; it = await reader.read()) yield it.value;
  } catch (error) {
    throw fault ?? error; // a line that broke, or bytes that are no gzip
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Put a file together that must be what the build made: a memory or a library with one wrong byte fails
 * in strange ways, later.
 *
 * @param {Described} file   @param {string[] | null} other digests of what may be there in its place
 * @param {Pieces} pieces   @param {string} what   @param {(share: number) => void} progress
 */
async function exactly(file, other, pieces, what, progress = () => {}) {
  const { sha256, bytes, part_bytes } = file;
  let data = /** @type {Uint8Array<ArrayBuffer> | null} */ (null); // the first piece, where that is all
  /** @type {Promise<string | null>[]} */
  const checks = []; // each part is looked at while the next one is on its way
  let position = 0;
  try {
    for await (const piece of unpacked(pieces)) {
      if (position + piece.length > bytes) throw damaged(file, what);
      data ??= piece.length === bytes ? piece : new Uint8Array(bytes);
      if (data !== piece) data.set(piece, position);
      position += piece.length;
      while (checks.length < sha256.length) {
        const begin = checks.length * part_bytes;
        const end = Math.min(begin + part_bytes, bytes);
        if (end > position) break;
        checks.push(digestOf(data.subarray(begin, end)));
      }
      progress(position / bytes);
    }
  } catch (error) {
    throw error instanceof FileFault ? error : damaged(file, what);
  }
  const isWhole = position === bytes && checks.length === sha256.length;
  if (!data || !isWhole) throw damaged(file, what);
  const found = await Promise.all(checks);
  const are = (/** @type {string[]} */ digests) => found.every((digest, part) => digest === digests[part]);
  const isOther = other !== null && are(other);
  const isRight = crypto.subtle ? isOther || are(sha256) : crc32(data) === file.crc32;
  if (!isRight) throw damaged(file, what);
  return { data, isOther };
}

/** @param {Uint8Array} data */
function isPacked(data) {
  return data[0] === GZIP[0] && data[1] === GZIP[1];
}
