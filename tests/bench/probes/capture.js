// Takes the place of the product's capture worklet in a bench, and is that worklet with a probe in it: each frame
// carries its number and the time it left in samples 1 to 3, which nobody looks at (loudness is judged by each fourth
// sample), and a mark in sample 0.

import "../../../worklets/capture.js";
import { CaptureCore } from "../../../worklets/capture_core.js";

let sequence = 0;
const sendFrame = CaptureCore.prototype.sendFrame;
CaptureCore.prototype.sendFrame = function stamped(frame) {
  const now = Date.now() % 2 ** 32;
  frame[0] = 1234;
  frame[1] = sequence++ & 0x7fff;
  frame[2] = now & 0xffff;
  frame[3] = Math.floor(now / 65536);
  sendFrame.call(this, frame);
};
