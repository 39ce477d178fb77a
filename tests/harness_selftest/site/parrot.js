// Says again what it heard, half a second after the person has stopped. `?rate=24000` forces its AudioContext to that
// rate, and `?broken` leaves out the one line that lets it be heard.
const query = new URLSearchParams(location.search);
const status = document.querySelector("#status");

document.querySelector("#connect").addEventListener("click", async () => {
  const rate = Number(query.get("rate"));
  const context = new AudioContext(rate ? { sampleRate: rate } : {});
  await context.resume();
  await context.audioWorklet.addModule("tap.js");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false } });
  const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
  let heard = [];
  let silent = 0;
  tap.port.onmessage = ({ data }) => {
    const loud = data.some((sample) => Math.abs(sample) > 0.02);
    silent = loud ? 0 : silent + data.length / context.sampleRate;
    if (loud || heard.length) heard.push(data);
    if (heard.length && silent > 0.5) {
      answer(context, heard);
      heard = [];
    }
  };
  context.createMediaStreamSource(stream).connect(tap);
  status.textContent = "listening";
});

function answer(context, blocks) {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const buffer = context.createBuffer(1, length, context.sampleRate);
  let at = 0;
  for (const block of blocks) {
    buffer.getChannelData(0).set(block, at);
    at += block.length;
  }
  const source = context.createBufferSource();
  source.buffer = buffer;
  if (!query.has("broken")) source.connect(context.destination);
  source.start();
  source.onended = () => {
    status.textContent = "answered";
  };
}
