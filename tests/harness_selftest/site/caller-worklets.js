registerProcessor(
  "take",
  class extends AudioWorkletProcessor {
    process([input]) {
      // Firefox hands over no channel at all while the microphone is silent.
      this.port.postMessage(input[0]?.slice() ?? new Float32Array(128));
      return true;
    }
  },
);
registerProcessor(
  "play",
  class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.waiting = [];
      this.port.onmessage = ({ data }) => this.waiting.push(...data);
    }

    process(_, [output]) {
      for (let i = 0; i < output[0].length; i++) output[0][i] = this.waiting.shift() ?? 0;
      return true;
    }
  },
);
