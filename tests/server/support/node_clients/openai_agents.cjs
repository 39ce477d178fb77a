/**
 * Runs npm `@openai/agents-realtime`: a realtime agent with one tool, over the package's own WebSocket transport.
 * Arguments: the folder that holds node_modules, and the socket's address. `process_client.py` describes its lines.
 */
"use strict";

const { createRequire } = require("node:module");
const { join } = require("node:path");
const readline = require("node:readline");

const [, , folder, url] = process.argv;
const { RealtimeAgent, RealtimeSession, OpenAIRealtimeWebSocket, tool } = createRequire(join(folder, "package.json"))(
  "@openai/agents-realtime",
);

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const getWeather = tool({
  name: "get_weather",
  description: "Tells the weather of a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
  execute: async (given) => {
    tell({ client: "tool", arguments: given });
    return JSON.stringify({ temperature: 18, condition: "sunny" });
  },
});

async function main() {
  const agent = new RealtimeAgent({ name: "assistant", instructions: "Be brief.", tools: [getWeather] });
  const transport = new OpenAIRealtimeWebSocket({ url });
  const session = new RealtimeSession(agent, { transport, tracingDisabled: true });
  transport.on("*", (event) => tell({ server: event }));
  session.on("audio", (event) => tell({ client: "audio", bytes: event.data.byteLength }));
  session.on("audio_interrupted", () => tell({ client: "audio_interrupted" }));
  for (const name of ["agent_start", "agent_end", "audio_start", "audio_stopped", "agent_tool_start", "agent_tool_end"]) {
    session.on(name, () => tell({ client: name }));
  }
  session.on("error", (event) => tell({ client: "failure", what: JSON.stringify(event) + String(event.error) }));
  await session.connect({ apiKey: "any-key", url });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    if (command.audio !== undefined) {
      const bytes = Buffer.from(command.audio, "base64");
      session.sendAudio(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    } else {
      session.sendMessage(command.text);
    }
  }
  tell({ client: "history", items: session.history });
  session.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
