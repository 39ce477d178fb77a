/**
 * One converter in a fresh process, so that no other shapes what the compiler makes of it.
 * `node resampler_driver.mjs JOB.json` writes its result to JOB.json.out.
 *
 * Job: {kind: "tones" | "time", converter: "ours" | "libsamplerate", quality, from, to, library, ...}. `quality` is a
 * setting of worklets/resampler.js, or the name of a ConverterType.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

import { Resampler } from "../../worklets/resampler.js";

const QUANTUM = 128;
const WARM_MS = 150;
const MEASURED_MS = 300;
// libsamplerate gets whole tenths of a second: calls into WebAssembly for a quantum each would be held against it.
const BLOCKS_PER_SECOND = 10;

async function library(job) {
  const { create, ConverterType } = createRequire(import.meta.url)(job.library);
  return create(1, job.from, job.to, { converterType: ConverterType[job.quality] });
}

/** Unit tones through one converter each; the outputs after `skip`, one after the other, as doubles. */
async function tones(job) {
  const { from, to, frequencies, skip, count } = job;
  const all = new Float64Array(frequencies.length * count);
  const input = new Float64Array(Math.ceil(((skip + count) * from) / to) + 4096);
  for (const [index, frequency] of frequencies.entries()) {
    for (let i = 0; i < input.length; i++) input[i] = Math.sin((2 * Math.PI * frequency * i) / from);
    let made;
    let delay = 0;
    if (job.converter === "ours") {
      const resampler = new Resampler(from, to, job.quality);
      made = new Float64Array(skip + count);
      let done = 0;
      for (let read = 0; read < input.length && done < made.length; ) {
        read += resampler.push(input, read, Math.min(QUANTUM, input.length - read));
        done += resampler.pull(made, done, made.length - done);
      }
      delay = resampler.delayMs;
    } else {
      const source = await library(job);
      made = source.full(Float32Array.from(input));
      source.destroy();
    }
    if (made.length < skip + count) throw new Error(`only ${made.length} of ${skip + count} samples came`);
    all.set(made.subarray(skip, skip + count), index * count);
    job.delay_ms = delay;
  }
  writeFileSync(job.output, Buffer.from(all.buffer));
  return { delay_ms: job.delay_ms };
}

/** Nanoseconds of processor time for each output sample, warm. */
async function time(job) {
  const { from, to } = job;
  const noise = Float32Array.from({ length: from }, (_, i) => Math.sin(i * i * 0.001) * 0.5);
  let second;
  if (job.converter === "ours") {
    const resampler = new Resampler(from, to, job.quality);
    const block = new Float64Array(QUANTUM);
    const out = new Float64Array(1024);
    second = () => {
      let made = 0;
      for (let start = 0; start + QUANTUM <= noise.length; start += QUANTUM) {
        for (let i = 0; i < QUANTUM; i++) block[i] = noise[start + i];
        resampler.push(block, 0, QUANTUM);
        made += resampler.pull(out, 0, 1024);
      }
      return made;
    };
  } else {
    const source = await library(job);
    const size = Math.floor(from / BLOCKS_PER_SECOND);
    const out = new Float32Array(Math.ceil((size * to) / from) + 1024);
    const told = { frames: 0 };
    second = () => {
      let made = 0;
      for (let start = 0; start + size <= noise.length; start += size) {
        source.full(noise.subarray(start, start + size), out, told);
        made += told.frames;
      }
      return made;
    };
  }
  // The processor's time, not the clock's: whoever else runs on this machine is not measured.
  const spent_ms = () => (({ user, system }) => (user + system) / 1000)(process.cpuUsage());
  const run = (least_ms) => {
    let made = 0;
    const started = spent_ms();
    while (spent_ms() - started < least_ms) made += second();
    return ((spent_ms() - started) * 1e6) / made;
  };
  run(WARM_MS);
  return { ns_per_sample: run(MEASURED_MS) };
}

const path = process.argv[2];
const job = JSON.parse(readFileSync(path, "utf8"));
writeFileSync(`${path}.out`, JSON.stringify(await { tones, time }[job.kind](job)));
