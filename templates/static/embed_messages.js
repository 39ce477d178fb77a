/**
 * Messages between `<voice-agent>` and the embedded page, read in the same way on both sides: what has another shape is
 * no message. Only fields of the message itself count, so a polluted `Object.prototype` says nothing.
 */

/** @import { Command, News } from "./embed_types.js" */
/** @import { Notice, Turn } from "./messages.js" */

/** The first message, with a port, from the tag to the page. It names the version of all that follows. */
export const BIND = "parley-embed-1";

const MAX_TEXT_CHARS = 2000;
const MAX_GREETING_CHARS = 2000;
const MAX_VOICE_CHARS = 200;
const MAX_VARIABLES = 50;
export const MAX_VARIABLE_CHARS = 500;
const MAX_ID_CHARS = 500;
/** As `MAX_RESULT_CHARS` in Python. */
export const MAX_RESULT_CHARS = 64_000;
const MAX_ERROR_CHARS = 500;
const MAX_BEARER_CHARS = 8192;

/** @param {unknown} it   @param {string} name   @returns {unknown} */
function own(it, name) {
  return typeof it === "object" && it !== null && Object.hasOwn(it, name) ? Reflect.get(it, name) : undefined;
}

/** @param {unknown} it   @param {string} name */
function text(it, name, longest = Number.POSITIVE_INFINITY) {
  const value = own(it, name);
  return typeof value === "string" && value.length <= longest ? value : undefined;
}

/** What the tag wants of the page. @param {unknown} data   @returns {Command | null} */
export function readCommand(data) {
  const type = text(data, "type");
  switch (type) {
    case "prepare": {
      const wishes = own(data, "wishes");
      const greeting = text(wishes, "greeting", MAX_GREETING_CHARS);
      const voice = text(wishes, "voice", MAX_VOICE_CHARS);
      return {
        type,
        wishes: { ...(greeting !== undefined && { greeting }), ...(voice !== undefined && { voice }) },
        variables: textsOf(own(data, "variables")),
      };
    }
    case "connect":
    case "disconnect":
    case "interrupt":
      return { type };
    case "mute": {
      const muted = own(data, "muted");
      return typeof muted === "boolean" ? { type, muted } : null;
    }
    case "pause": {
      const paused = own(data, "paused");
      return typeof paused === "boolean" ? { type, paused } : null;
    }
    case "color_scheme": {
      const scheme = text(data, "scheme", 5);
      return scheme === undefined ? null : { type, scheme };
    }
    case "text": {
      const said = text(data, "text", MAX_TEXT_CHARS)?.trim();
      return said ? { type, text: said } : null;
    }
    case "volume": {
      const volume = own(data, "volume");
      return typeof volume === "number" && volume >= 0 && volume <= 1 ? { type, volume } : null;
    }
    case "result": {
      const [id, result] = [text(data, "id", MAX_ID_CHARS), text(data, "result", MAX_RESULT_CHARS)];
      return id !== undefined && result !== undefined ? { type, id, result } : null;
    }
    case "failure": {
      const [id, error] = [text(data, "id", MAX_ID_CHARS), text(data, "error", MAX_ERROR_CHARS)];
      return id !== undefined && error !== undefined ? { type, id, error } : null;
    }
    case "bearer": {
      const [id, bearer] = [own(data, "id"), own(data, "bearer")];
      const fits = bearer === null || (typeof bearer === "string" && bearer.length <= MAX_BEARER_CHARS);
      return typeof id === "number" && fits ? { type, id, bearer } : null;
    }
    default:
      return null;
  }
}

/** All that are texts, up to a number. @param {unknown} it   @returns {Record<string, string>} */
function textsOf(it) {
  if (typeof it !== "object" || it === null) return {};
  const given = Object.entries(it).slice(0, MAX_VARIABLES);
  return Object.fromEntries(given.filter(([, value]) => typeof value === "string"));
}

/** What the page says to the tag. @param {unknown} data   @returns {News | null} */
export function readNews(data) {
  const type = text(data, "type");
  const detail = own(data, "detail");
  switch (type) {
    case "ready":
      return { type };
    case "state": {
      const found = texts(detail, ["state", "activity", "status"]);
      const [muted, paused] = [own(detail, "muted"), own(detail, "paused")];
      if (!found || typeof muted !== "boolean" || typeof paused !== "boolean") return null;
      return { type, detail: { ...found, muted, paused } };
    }
    case "turns": {
      const order = own(data, "order");
      const turns = own(data, "turns");
      if (!Array.isArray(order) || !order.every((id) => typeof id === "string") || !Array.isArray(turns)) return null;
      return { type, order, turns: turns.map(readTurn).filter((turn) => turn !== null) };
    }
    case "error": {
      const found = texts(detail, ["tone", "code", "title", "hint"]);
      return found && { type, detail: /** @type {Notice} */ ({ ...found, retry: own(detail, "retry") === true }) };
    }
    case "end": {
      const found = texts(detail, ["state"]);
      return found && { type, detail: { ...found, code: text(detail, "code") ?? null } };
    }
    case "call": {
      const found = texts(data, ["id", "name"]);
      const given = own(data, "arguments");
      if (!found || typeof given !== "object" || given === null) return null;
      return { type, ...found, arguments: /** @type {Record<string, unknown>} */ (given) };
    }
    case "cancel": {
      const found = texts(data, ["id"]);
      return found && { type, ...found };
    }
    case "sign_in": {
      const id = own(data, "id");
      return typeof id === "number" ? { type, id } : null;
    }
    default:
      return null;
  }
}

/** @param {unknown} data   @returns {Turn | null} */
function readTurn(data) {
  const found = texts(data, ["id", "role", "text"]);
  const heard_ms = own(data, "heard_ms");
  const heard_chars = own(data, "heard_chars");
  return (
    found && {
      ...found,
      final: own(data, "final") === true,
      interrupted: own(data, "interrupted") === true,
      heard_ms: typeof heard_ms === "number" ? heard_ms : null,
      heard_chars: typeof heard_chars === "number" ? heard_chars : null,
      sounding: own(data, "sounding") === true,
    }
  );
}

/**
 * These fields, if all of them are texts.
 *
 * @template {string} Name
 * @param {unknown} it   @param {Name[]} names   @returns {Record<Name, string> | null}
 */
function texts(it, names) {
  const found = names.map((name) => [name, text(it, name)]);
  return found.every(([, value]) => value !== undefined) ? Object.fromEntries(found) : null;
}

/**
 * Is this origin one of `embedded_by`? There `https://*.example.com` stands for every site below that name.
 *
 * @param {string} origin   @param {string[]} embedders
 */
export function isAllowed(origin, embedders) {
  if (!/^https?:\/\//.test(origin)) return false;
  const given = new URL(origin);
  return embedders.some((embedder) => {
    const known = new URL(embedder.replace("*.", ""));
    if (!embedder.includes("*.")) return known.origin === given.origin;
    const samePlace = known.protocol === given.protocol && known.port === given.port;
    return samePlace && given.hostname.endsWith(`.${known.hostname}`);
  });
}
