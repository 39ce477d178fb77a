// Takes the place of the product's playback worklet in a bench, and is that worklet with a probe in it: tells the
// worker when the first sample of each item was rendered, when a flush and a lowered gain arrived, and how many
// quanta still sounded after them.

import "../../../worklets/playback.js";
import { PlaybackCore } from "../../../worklets/playback_core.js";

const enterItem = PlaybackCore.prototype.enterItem;
PlaybackCore.prototype.enterItem = function probed(item) {
  enterItem.call(this, item);
  this.audio.postMessage({ type: "probe", kind: "rendered", item, at: Date.now() });
};
const receive = PlaybackCore.prototype.receive;
PlaybackCore.prototype.receive = function probed(message) {
  receive.call(this, message);
  if (message.type === "flush")
    this.probeFlush = { type: "probe", kind: "flushed", at: Date.now(), sounding: 0, quiet: 0 };
  if (message.type === "gain" && message.gain < 1) this.probeGain = { at: Date.now() };
};
const process = PlaybackCore.prototype.process;
PlaybackCore.prototype.process = function probed(output) {
  process.call(this, output);
  const flush = this.probeFlush;
  if (flush) {
    if (output.some((sample) => sample !== 0))
      Object.assign(flush, { sounding: flush.sounding + 1 + flush.quiet, quiet: 0, last: Date.now() });
    else flush.quiet += 1;
    if (flush.quiet === 40) {
      this.audio.postMessage(flush);
      this.probeFlush = null;
    }
  }
  if (this.probeGain) {
    this.audio.postMessage({ type: "probe", kind: "lowered", arrived: this.probeGain.at, at: Date.now() });
    this.probeGain = null;
  }
};
