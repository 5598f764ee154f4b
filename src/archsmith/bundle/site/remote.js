// Asks the server that the page comes from, at `predict` beside this file.
const address = new URL("./predict", import.meta.url).href;

/** A function from a picture file, or from [column, value] of each column, to the values of the model's output. */
export async function start(about) {
  return async (given) => {
    const found = await prediction(about.columns ? rowOf(given) : { method: "POST", body: formOf(given) });
    return about.classes ? about.classes.map((name) => found.probabilities[name]) : [found.value];
  };
}

async function prediction(request) {
  const response = await fetch(address, request).catch(() => {
    throw new Error("The server does not answer.");
  });
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(sentence(said.error) || `The server says ${response.status}.`);
  const [found] = said.predictions;
  if (found.error) throw new Error(found.error);
  return found;
}

function sentence(error) {
  return error ? [error.message, error.hint].filter(Boolean).join(" ") : "";
}

function formOf(file) {
  const form = new FormData();
  form.append("files", file);
  return form;
}

function rowOf(row) {
  const example = Object.fromEntries(row.map(([column, value]) => [column.name, valueOf(value)]));
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ examples: [example] }),
  };
}

function valueOf(value) {
  if (value === "") return null;
  return Number.isNaN(value) ? null : value; // JSON has no NaN
}
