/**
 * What was looked for in Pyodide's files is not there, or not as it was when this was written. Then nothing can be made
 * smaller, and the site is built with the runtime as it is (`slimming.py`). Any other error is a mistake of ours or of
 * the machine, and stops the build.
 */

export class UnlikeError extends Error {
  exitCode = 3; // `UNLIKE` in slimming.py
}
