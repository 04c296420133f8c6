// Answers the page's questions, one at a time and in order. The engine's own script stands above this text in the worker.
"use strict";

const starting = createEngine();
let engine = null;

/// Copies an array out of the engine's memory, where the next question overwrites it.
function copied({ type, offset, length }) {
  const Kind = type === "i32" ? Int32Array : Float32Array;
  // The buffer is asked for anew each time: the engine's memory may have grown, which detaches the old one.
  return new Kind(engine.HEAPU8.buffer, offset, length).slice();
}

async function answer(question) {
  engine = engine ?? (await starting);
  const reply = JSON.parse(engine.ccall("lab_call", "string", ["string"], [JSON.stringify(question)]));
  const arrays = {};
  for (const [name, where] of Object.entries(reply.arrays ?? {})) arrays[name] = copied(where);
  return { ...reply, id: question.id, arrays };
}

let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last.then(async () => {
    try {
      const began = performance.now();
      const reply = { ...(await answer(data)), took: performance.now() - began };
      postMessage(reply, Object.values(reply.arrays).map((a) => a.buffer));
    } catch (error) {
      postMessage({ id: data.id, error: String(error?.message ?? error), arm: null, arrays: {} });
    }
  });
};
