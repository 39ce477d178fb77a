/**
 * The AudioWorklet "parley-capture": plumbing between the browser and CaptureCore.
 */

import { CaptureCore } from "./capture_core.js";
import { CAPTURE_PROCESSOR, MESSAGE_CLOSE, MESSAGE_CLOSED, MESSAGE_PORT, unknownMessage } from "./messages.js";

export class CaptureProcessor extends AudioWorkletProcessor {
  /** @param {{processorOptions?: import("./messages.js").CaptureOptions}} [options] */
  constructor(options) {
    super();
    this.alive = true;
    this.closedTold = false;
    /** @type {import("./messages.js").ClosedMessage} */
    this.closedMessage = { type: MESSAGE_CLOSED };
    this.core = new CaptureCore(sampleRate, this.port, { holdMs: options?.processorOptions?.hold_ms ?? 0 });
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
      throw unknownMessage("capture worklet, control", message);
    }
  }

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean}
   */
  process(inputs) {
    if (!this.alive) return this.end();
    this.core.process(inputs[0]);
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

registerProcessor(CAPTURE_PROCESSOR, CaptureProcessor);
