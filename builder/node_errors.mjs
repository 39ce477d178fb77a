/**
 * For the scripts that Node runs at build time: what goes wrong is told in few lines. Node would print the line at
 * fault, and Pyodide's is a megabyte long.
 */

export function tellInFewLines() {
  process.on("uncaughtException", (error) => {
    const lines = String(error?.stack ?? error)
      .split("\n")
      .filter((line) => line.length < 300);
    process.stderr.write(`${lines.slice(0, 12).join("\n")}\n`);
    process.exit(error?.exitCode ?? 1);
  });
}
