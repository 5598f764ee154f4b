// Predicts in the browser: model.onnx beside the page, run by onnxruntime-web as WebAssembly. Nothing leaves the device.
import * as ort from "./vendor/ort.js";
import { pixels } from "./pixels.js";

const DAY = 86_400_000; // milliseconds

ort.env.wasm.numThreads = 1; // more would need headers that a plain web server does not send
ort.env.wasm.wasmPaths = { wasm: new URL("./vendor/ort-wasm-simd-threaded.wasm", import.meta.url).href };

/** A function from a picture file, or from [column, value] of each column, to the values of the model's output. */
export async function start(about) {
  const session = await ort.InferenceSession.create(await model(), {
    executionProviders: ["wasm"],
    enableMemPattern: false, // it remembers a plan for every size of input that it ever met
  });
  keepForOffline();
  return async (given) => {
    const inputs = about.columns ? table(given) : { image: await image(given, about.channels) };
    return (await session.run(inputs))[about.output].data;
  };
}

async function model() {
  const response = await fetch(new URL("./model.onnx", import.meta.url), { cache: "no-cache" }); // that of this page
  if (!response.ok) throw new Error(`model.onnx is not beside this page (${response.status}).`);
  return new Uint8Array(await response.arrayBuffer());
}

async function image(file, channels) {
  const { data, height, width } = await pixels(file, channels);
  return new ort.Tensor("uint8", data, [1, height, width, channels]);
}

function table(row) {
  const numbers = row.filter(([column]) => !column.categories).map(number);
  const texts = row.filter(([column]) => column.categories).map(([, text]) => text);
  const inputs = {};
  if (numbers.length) inputs.numbers = new ort.Tensor("float64", Float64Array.from(numbers), [1, numbers.length]);
  if (texts.length) inputs.categories = new ort.Tensor("string", texts, [1, texts.length]);
  return inputs;
}

function number([column, value]) {
  if (value === "") return NaN;
  return column.is_date ? Date.parse(value) / DAY : value;
}

function keepForOffline() {
  navigator.serviceWorker?.register(new URL("./offline.js", import.meta.url)).catch(() => {}); // the page works without
}
