/** A zip file, written: each member compressed where the browser can, else as it is. */

import { crc32 } from "./genuine.js";

const STORED = 0;
const DEFLATED = 8;
const VERSION = 20;
const UTF8_NAMES = 0x0800;

/**
 * @param {Record<string, string | Uint8Array<ArrayBuffer>>} files by name   @param {Date} now
 * @returns {Promise<Blob>}
 */
export async function zip(files, now) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const day = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  const directory = [];
  let at = 0;
  let directory_bytes = 0;
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const { method, data } = await packed(bytes);
    const title = new TextEncoder().encode(name);
    const both = [VERSION, UTF8_NAMES, method, time, day];
    const sums = [crc32(bytes) >>> 0, data.length, bytes.length];
    const local = fields([0x04034b50], both, sums, [title.length, 0]);
    const entry = fields([0x02014b50], [VERSION, ...both], sums, [title.length, 0, 0, 0, 0], [0, at]);
    parts.push(local, title, data);
    directory.push(entry, title);
    at += local.length + title.length + data.length;
    directory_bytes += entry.length + title.length;
  }
  const count = Object.keys(files).length;
  const end = fields([0x06054b50], [0, 0, count, count], [directory_bytes, at], [0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/**
 * Numbers of four bytes and of two, in turns.
 *
 * @param {number[][]} groups
 */
function fields(...groups) {
  const sizes = groups.map((_, place) => (place % 2 ? 2 : 4));
  const out = new DataView(new ArrayBuffer(groups.reduce((sum, group, place) => sum + group.length * sizes[place], 0)));
  let at = 0;
  groups.forEach((group, place) => {
    for (const value of group) {
      if (sizes[place] === 4) out.setUint32(at, value, true);
      else out.setUint16(at, value, true);
      at += sizes[place];
    }
  });
  return new Uint8Array(out.buffer);
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function packed(bytes) {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    return { method: DEFLATED, data: new Uint8Array(await new Response(stream).arrayBuffer()) };
  } catch {
    return { method: STORED, data: bytes };
  }
}
