/**
 * The AudioWorklet "parley-playback": plumbing between the browser and PlaybackCore.
 */

import { MESSAGE_CLOSE, MESSAGE_CLOSED, MESSAGE_PORT, PLAYBACK_PROCESSOR, unknownMessage } from "./messages.js";
import { PlaybackCore } from "./playback_core.js";

export class PlaybackProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.alive = true;
    this.closedTold = false;
    /** @type {import("./messages.js").ClosedMessage} */
    this.closedMessage = { type: MESSAGE_CLOSED };
    this.core = new PlaybackCore(sampleRate, this.port);
    /** @type {MessagePort | null} */
    this.audio = null;
    this.port.onmessage = (event) => this.control(event.data);
  }

  /** @param {import("./messages.js").PortMessage | import("./messages.js").CloseMessage} message */
  control(message) {
    if (message.type === MESSAGE_PORT) {
      if (this.audio !== null) this.audio.close();
      this.audio = message.port;
      this.audio.onmessage = (event) => this.core.receive(event.data);
      this.core.attach(this.audio);
    } else if (message.type === MESSAGE_CLOSE) {
      this.alive = false;
      if (this.audio !== null) this.audio.close();
    } else {
      throw unknownMessage("playback worklet, control", message);
    }
  }

  /**
   * @param {Float32Array[][]} _ inputs: it has none
   * @param {Float32Array[][]} outputs
   * @returns {boolean}
   */
  process(_, outputs) {
    if (!this.alive) return this.end();
    const channels = outputs[0];
    if (channels.length === 0) return true;
    this.core.process(channels[0]);
    for (let c = 1; c < channels.length; c++) channels[c].set(channels[0]);
    return true;
  }

  /**
   * The last quantum. Told, because the page must not close its context before.
   * @returns {boolean}
   */
  end() {
    if (!this.closedTold) this.port.postMessage(this.closedMessage);
    this.closedTold = true;
    return false;
  }
}

registerProcessor(PLAYBACK_PROCESSOR, PlaybackProcessor);
