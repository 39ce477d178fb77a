/**
 * Runs jobs of the worklet tests in Node, without any AudioWorklet. `node driver.mjs FOLDER` takes the names of files
 * from its input, a line for each. A file is a JSON list of jobs; each is run with the worklets in FOLDER (a URL), and a
 * list of plain results is written beside it (JOBS.json.out). Then comes a line: "null", or a JSON text that says what
 * was thrown. Sample data goes through raw files.
 *
 * A frame that a core posts is really transferred, so a core that touches it afterwards fails here as in a browser.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const folder = process.argv[2];
const { CaptureCore } = await import(`${folder}/capture_core.js`);
const { swapToOrFromWire } = await import(`${folder}/pcm.js`);
const { PlaybackCore } = await import(`${folder}/playback_core.js`);
const { Resampler } = await import(`${folder}/resampler.js`);

const QUANTUM = 128;

/**
 * A machine of which every look at the clock takes so long; 0: the clock stands still, and everything is affordable.
 */
function slowClock(tick_ms) {
  let at = 0;
  return () => (at += tick_ms);
}

const levels = (port) =>
  port.messages
    .filter((message) => message.type === "level")
    .map((level) => ({ ...level, bands: Array.from(level.bands) }));
const qualities = (port) => port.messages.filter((message) => message.type === "quality");

function readArray(path, Type) {
  const bytes = readFileSync(path);
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function writeArray(path, array) {
  writeFileSync(path, Buffer.from(array.buffer, array.byteOffset, array.byteLength));
}

/** Takes transferred buffers over, and copies messages, as a port would. */
class RecordingPort {
  constructor(clock) {
    this.clock = clock;
    this.messages = [];
    this.buffers = [];
  }

  postMessage(message, transfer) {
    const copy = structuredClone(message, { transfer: transfer ?? [] });
    if (copy instanceof ArrayBuffer) this.buffers.push(copy);
    else this.messages.push({ at: this.clock(), ...copy });
  }
}

/** Tones of unit amplitude through one resampler each; the outputs after `skip`, one after the other. */
function tones({ from, to, quality, frequencies, skip, count, output }) {
  const all = new Float64Array(frequencies.length * count);
  const resampler = new Resampler(from, to, quality);
  const block = new Float64Array(512);
  const made = new Float64Array(skip + count);
  frequencies.forEach((frequency, index) => {
    resampler.reset();
    let done = 0;
    let pushed = 0;
    while (done < made.length) {
      for (let i = 0; i < block.length; i++) block[i] = Math.sin((2 * Math.PI * frequency * (pushed + i)) / from);
      pushed += resampler.push(block, 0, block.length);
      done += resampler.pull(made, done, made.length - done);
    }
    all.set(made.subarray(skip), index * count);
  });
  writeArray(output, all);
  return { delay_ms: resampler.delayMs, taps: resampler.taps };
}

/** A stream in blocks of the given sizes (used in turn), either pushed and emptied, or pulled by what is needed. */
function resample({ from, to, quality, blocks, style, input, output }) {
  const source = readArray(input, Float64Array);
  const resampler = new Resampler(from, to, quality);
  const made = new Float64Array(Math.ceil((source.length * to) / from) + 1024);
  let read = 0;
  let done = 0;
  let largestLag = 0;
  for (let turn = 0; read < source.length; turn++) {
    const size = blocks[turn % blocks.length];
    if (style === "pull") {
      const need = resampler.needed(size);
      if (need > source.length - read) break;
      read += resampler.push(source, read, need);
      const got = resampler.pull(made, done, size);
      if (got !== size) throw new Error(`needed(${size}) gave only ${got}`);
      done += got;
    } else {
      read += resampler.push(source, read, Math.min(size, source.length - read));
      let got = resampler.pull(made, done, 1024);
      while (got > 0) {
        done += got;
        got = resampler.pull(made, done, 1024);
      }
    }
    largestLag = Math.max(largestLag, read - (done * from) / to);
  }
  writeArray(output, made.subarray(0, done));
  return { made: done, read, lookahead: resampler.lookahead, largest_lag: largestLag, pending: resampler.pending() };
}

/** Drives a CaptureCore by steps; the frames end up in one file. */
function capture({
  context_rate: contextRate,
  channels = 1,
  input,
  output,
  steps,
  attach = true,
  clock_tick_ms: tick = 0,
  hold_ms: holdMs = 0,
}) {
  const sources = input === undefined ? [] : readArray(input, Float32Array);
  const perChannel = sources.length / channels;
  const blocks = Array.from({ length: channels }, () => new Float32Array(QUANTUM));
  let clock = 0;
  let read = 0;
  const control = new RecordingPort(() => clock);
  const audio = new RecordingPort(() => clock);
  const core = new CaptureCore(contextRate, control, { holdMs, now: slowClock(tick) });
  if (attach) core.attach(audio);
  const frames = [];
  const framesPerStep = [];
  const collect = (recycle) => {
    while (audio.buffers.length > 0) {
      const buffer = audio.buffers.shift();
      frames.push(new Uint8Array(buffer.slice(0)));
      if (recycle) core.receive(buffer);
    }
  };
  for (const step of steps) {
    if (step.post !== undefined) core.receive(step.post);
    collect(step.recycle);
    for (let n = 0; n < (step.feed ?? 0); n++) {
      for (let c = 0; c < channels; c++) {
        const start = c * perChannel + read;
        blocks[c].set(sources.subarray(start, start + QUANTUM));
      }
      core.process(blocks);
      read += QUANTUM;
      clock += QUANTUM;
      collect(step.recycle);
    }
    for (let n = 0; n < (step.nothing ?? 0); n++) {
      core.process(n % 2 === 0 ? [] : undefined);
      clock += QUANTUM;
    }
    framesPerStep.push(frames.length);
  }
  writeFileSync(output, Buffer.concat(frames));
  return {
    levels: levels(control),
    qualities: qualities(control),
    said: audio.messages.map((message) => message.type),
    messages: audio.messages,
    frame_bytes: frames.map((frame) => frame.length),
    frames_after_step: framesPerStep,
    allocated: core.allocated,
    pooled: core.pooled,
  };
}

/** Drives a PlaybackCore by steps; everything it rendered ends up in one file. */
function playback({ context_rate: contextRate, input, output, steps, clock_tick_ms: tick = 0 }) {
  const source = input === undefined ? new Int16Array(0) : readArray(input, Int16Array);
  let clock = 0;
  let read = 0;
  const control = new RecordingPort(() => clock);
  const audio = new RecordingPort(() => clock);
  const core = new PlaybackCore(contextRate, control, slowClock(tick));
  core.attach(audio);
  const rendered = [];
  const errors = [];
  for (const step of steps) {
    if (step.audio !== undefined) {
      const samples = source.slice(read, read + step.audio.count);
      read += step.audio.count;
      core.receive({ type: "audio", item: step.audio.item, pcm: samples.buffer });
    }
    if (step.post !== undefined) {
      try {
        core.receive(step.post);
      } catch (error) {
        errors.push(`${error.name}: ${error.message}`);
      }
    }
    for (let n = 0; n < (step.render ?? 0); n++) {
      // Whatever the browser left in the block must not be heard.
      const block = new Float32Array(QUANTUM).fill(0.5);
      core.process(block);
      rendered.push(block);
      clock += QUANTUM;
    }
  }
  const all = new Float32Array(rendered.length * QUANTUM);
  rendered.forEach((block, index) => all.set(block, index * QUANTUM));
  writeArray(output, all);
  return { messages: audio.messages, levels: levels(control), qualities: qualities(control), errors };
}

/** Heap growth over many blocks of a core in full work, in bytes, three times, with no collection inside any. */
function allocation({ core: which, blocks }) {
  // postMessage itself must allocate (it serialises), which is the browser's business: here it takes nothing.
  const nowhere = { postMessage() {} };
  const channels = [new Float32Array(QUANTUM).fill(0.1)];
  const output = new Float32Array(QUANTUM);
  let round;
  if (which === "hold") {
    const core = new CaptureCore(44100, nowhere, { holdMs: 1000 });
    round = () => core.process(channels);
  } else if (which === "catch_up") {
    // Never configured, so that it stays full: emptied by hand, at four times the pace at which it fills.
    const core = new CaptureCore(44100, nowhere, { holdMs: 1000 });
    const target = new Float64Array(QUANTUM);
    round = () => {
      core.process(channels);
      for (let n = 0; n < 4; n++) core.preconnect.take(target);
    };
  } else if (which === "capture") {
    const core = new CaptureCore(44100, nowhere);
    const returned = [];
    core.attach({ postMessage: (buffer) => void (returned[0] = buffer) });
    core.receive({ type: "configure", rate_hz: 24000, frame_samples: 960 });
    // What the message handler does is not process(): the frame goes back by hand, as the view that it was.
    let view = null;
    const newFrame = core.newFrame.bind(core);
    core.newFrame = () => (view ??= newFrame());
    round = () => core.process(channels);
  } else {
    const core = new PlaybackCore(44100, nowhere);
    core.attach(nowhere);
    core.receive({ type: "configure", rate_hz: 24000 });
    const pcm = new Int16Array(24000 * 60).fill(1000);
    let left = 0;
    round = () => {
      if (left-- === 0) {
        // Handed to the queue itself: what the message handler allocates is not process()'s doing.
        core.queue.append("item", pcm);
        core.gain.moveTo(0.5, 20);
        left = Math.floor((60 * 44100) / QUANTUM) + 20;
      }
      core.process(output);
    };
  }
  for (let n = 0; n < blocks / 2; n++) round();
  // The compiler's own housekeeping falls into one round or another; what process() allocates is in every one.
  const grown = [];
  for (let repeat = 0; repeat < 3; repeat++) {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < blocks; n++) round();
    grown.push(process.memoryUsage().heapUsed - before);
  }
  return { grown_bytes: grown };
}

/** The byte order on a machine that this one is not. */
function swapped({ samples }) {
  const array = new Int16Array(samples);
  swapToOrFromWire(array, false);
  return { bytes: Array.from(new Uint8Array(array.buffer)) };
}

const KINDS = { tones, resample, capture, playback, allocation, swapped };
for await (const jobsPath of createInterface({ input: process.stdin })) {
  let thrown = null;
  try {
    const results = JSON.parse(readFileSync(jobsPath, "utf8")).map((job) => KINDS[job.kind](job));
    writeFileSync(`${jobsPath}.out`, JSON.stringify(results));
  } catch (error) {
    thrown = String(error.stack);
  }
  console.log(JSON.stringify(thrown));
}
