// Asks the engine in its worker. Answers come in the order of the questions.

let worker = null;
let next = 1;
const waiting = new Map();

class EngineError extends Error {
  constructor(text, arm) {
    super(text);
    this.arm = arm ?? null;
  }
}

function start() {
  const text = document.getElementById("worker-text").textContent;
  worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => {
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error !== undefined) reject(new EngineError(data.error, data.arm));
    else resolve(data);
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(new EngineError(event.message ?? "the worker stopped", null));
    waiting.clear();
  };
}

/// The engine's answer to one question; rejected with an EngineError where it refuses.
export function ask(op, values = {}) {
  if (!worker) start();
  return new Promise((resolve, reject) => {
    const id = next++;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, op, ...values });
  });
}
