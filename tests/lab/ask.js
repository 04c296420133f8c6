// Asks the lab's engine what the page would: node ask.js ENGINE.js QUESTIONS.json ANSWERS.json, each a JSON list. Arrays
// come as lists of numbers (null for NaN and infinity).
const fs = require("fs");
const [engine, questions, answers] = process.argv.slice(2);

require(engine)().then((module) => {
  const kinds = { f32: Float32Array, i32: Int32Array };
  const ask = (question) => {
    const answer = JSON.parse(module.ccall("lab_call", "string", ["string"], [JSON.stringify(question)]));
    for (const [name, { type, offset, length }] of Object.entries(answer.arrays ?? {})) {
      answer.arrays[name] = Array.from(new kinds[type](module.HEAPU8.buffer, offset, length));
    }
    return answer;
  };
  fs.writeFileSync(answers, JSON.stringify(JSON.parse(fs.readFileSync(questions, "utf8")).map(ask)));
}).catch((error) => {
  console.error(error);
  process.exit(1);
});
