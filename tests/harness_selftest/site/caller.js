// Microphone to a socket, and what comes back to the speaker. `?socket=ws://...` is its service; `?broken=NAME` makes one
// of the mistakes that authors make; `?frames` sends binary frames instead of base64.
const query = new URLSearchParams(location.search);
const broken = (name) => query.get("broken") === name;
const status = document.querySelector("#status");
const early = broken("made early") ? new AudioContext() : null;

const base64 = (samples) =>
  btoa(String.fromCharCode(...new Uint8Array(Int16Array.from(samples, (x) => x * 32767).buffer)));
const pcm = (text) => new Int16Array(Uint8Array.from(atob(text), (x) => x.charCodeAt(0)).buffer);

async function call() {
  const context = early ?? new AudioContext();
  if (!early) await context.resume();
  await context.audioWorklet.addModule(broken("file") ? "no-such-file.js" : "caller-worklets.js");
  const play = new AudioWorkletNode(context, broken("name") ? "plya" : "play", { numberOfInputs: 0 });
  if (!broken("not connected")) play.connect(context.destination);
  const audio = broken("constraint") ? { deviceId: { exact: "an-old-headset" } } : true;
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  if (broken("track")) for (const track of stream.getAudioTracks()) track.enabled = false;
  const take = new AudioWorkletNode(context, "take", { numberOfOutputs: 0 });
  const source = context.createMediaStreamSource(stream);
  if (!broken("microphone")) source.connect(take);

  const socket = new WebSocket(query.get("socket") + (broken("address") ? "nowhere" : ""));
  take.port.onmessage = ({ data }) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (query.has("frames")) socket.send(Int16Array.from(data, (x) => x * 32767));
    else socket.send(JSON.stringify({ type: "audio.in", [broken("field") ? "adio" : "audio"]: base64(data) }));
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== (broken("type") ? "audio.uot" : "audio.out")) return;
    if (broken("handler")) message.audio.samples.forEach(play);
    play.port.postMessage(Float32Array.from(pcm(message.audio), (x) => x / 32768));
    status.textContent = "playing";
  };
}

document.querySelector("#call").addEventListener("click", () =>
  call().catch((error) => {
    status.textContent = `failed: ${error.name}`;
  }),
);
