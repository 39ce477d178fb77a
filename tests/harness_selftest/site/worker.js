console.error("told by the worker");
