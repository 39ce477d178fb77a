// As little of a voice page as the harness needs: microphone to memory, a tone to the speaker, complaints on demand.
const status = document.getElementById("status");
const on = (id, run) => document.getElementById(id).addEventListener("click", run);
const blocks = [];
let stream = null,
  context = null;

// Whether a context may run without a click shows only after a while.
const early = new AudioContext();
setTimeout(() => {
  document.getElementById("before").textContent = early.state;
  early.close();
}, 400);

const start = async () => {
  context = new AudioContext({ sampleRate: Number(new URLSearchParams(location.search).get("rate")) || undefined });
  document.getElementById("rate").textContent = String(context.sampleRate);
  await context.resume();
};

on("listen", async () => {
  try {
    await start();
    await context.audioWorklet.addModule("tap.js");
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
    const node = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => blocks.push(data);
    context.createMediaStreamSource(stream).connect(node);
    status.textContent = "listening";
  } catch (error) {
    status.textContent = error.name;
  }
});

on("play", async () => {
  await start();
  const tone = context.createOscillator();
  tone.frequency.value = 700;
  const level = context.createGain();
  level.gain.value = 0.5;
  tone.connect(level).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 1.5);
  tone.onended = () => {
    status.textContent = "played";
  };
  status.textContent = "playing";
});

on("hang-up", async () => {
  stream?.getTracks().forEach((track) => track.stop());
  await context?.close();
  status.textContent = "idle";
});

on("complain", () => {
  console.error("told to the console");
  Promise.reject(new Error("nobody caught this"));
  setTimeout(() => {
    throw new TypeError("thrown late");
  }, 0);
  const image = new Image();
  image.src = "/forbidden.png";
  document.body.append(image);
  new Worker("worker.js");
});

// What the microphone gave so far: [rate, base64 of PCM16].
globalThis.heard = () => {
  const pcm = new Int16Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) for (const x of block) pcm[at++] = Math.max(-1, Math.min(1, x)) * 32767;
  let text = "";
  const raw = new Uint8Array(pcm.buffer);
  for (let i = 0; i < raw.length; i += 32768) text += String.fromCharCode(...raw.subarray(i, i + 32768));
  return [context.sampleRate, btoa(text)];
};
