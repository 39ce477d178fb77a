/**
 * Runs jobs, a line of JSON each, against the worker's `Host` with stand-ins for Python, the ports and the socket, and
 * prints a line for each: what all of them saw. Node may lack the platform's base64: then the same is made of Buffer.
 */

import { createInterface } from "node:readline";

import { Host } from "../../../templates/static/host.js";

Uint8Array.prototype.toBase64 ??= function toBase64() {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64");
};
Uint8Array.fromBase64 ??= (text) => {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) throw new SyntaxError("not base64");
  return new Uint8Array(Buffer.from(text, "base64"));
};

/** Stands for the network. */
class FakeSocket {
  static OPEN = 1;
  static last = null;
  constructor() {
    this.readyState = 1;
    this.bufferedAmount = 0;
    this.sent = [];
    FakeSocket.last = this;
  }
  send(data) {
    this.sent.push(data);
  }
  close() {}
}
globalThis.WebSocket = FakeSocket;
performance.now = () => 5000;

/** A method of Python's as Pyodide hands it out. Buffers are told as their length. */
function method(told, name, answer) {
  const call = (...values) => {
    told.push([name, ...values.map((value) => (value instanceof ArrayBuffer ? value.byteLength : value))]);
    return answer;
  };
  return Object.assign(call, { copy: () => call, destroy() {} });
}

function run({ audio, may_send, item_of, may_play, frames = [], messages = [], buffered = 0 }) {
  const told = [];
  const played = [];
  const recycled = [];
  const host = new Host(
    { globals: null },
    () => {},
    () => {},
  );
  host.client = {
    frame: method(told, "frame"),
    message: method(told, "message"),
    timer: method(told, "timer"),
    audio_fast_path: {
      may_send: method(told, "may_send", may_send),
      sent: method(told, "sent"),
      item_of: method(told, "item_of", item_of),
      may_play: method(told, "may_play", may_play),
      played: method(told, "played"),
      destroy() {},
    },
  };
  host.attach({
    capture: { postMessage: (buffer) => recycled.push(buffer.byteLength), close() {} },
    playback: { postMessage: ({ item, pcm }) => played.push([item, new Uint8Array(pcm).toBase64()]), close() {} },
  });
  host.open_socket(1, "ws://localhost/", "[]", JSON.stringify(audio));
  const socket = FakeSocket.last;
  socket.bufferedAmount = buffered;
  for (const samples of frames) host.ports.capture.onmessage({ data: Int16Array.from(samples).buffer });
  for (const data of messages) socket.onmessage({ data });
  host.tell("timer", "any");
  return { told, sent: socket.sent, played, recycled };
}

for await (const job of createInterface({ input: process.stdin })) console.log(JSON.stringify(run(JSON.parse(job))));
