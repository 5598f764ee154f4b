// The page of one model: takes a picture or the fields of a form, asks the engine, shows what it says.
// `engine.js` is local.js (predicts in this browser) or remote.js (asks the server that the page comes from).
// All texts of a model go through textContent.
import { start } from "./engine.js";
import { beyond, numberOf } from "./numbers.js";

const SHOWN = 10; // most classes that are shown
const about = JSON.parse(document.getElementById("about").textContent);
const [form, status, result] = ["form", "status", "result"].map((id) => document.getElementById(id));
let asked = 0; // a later question makes the prediction of an earlier one void

const ready = start(about);
form.hidden = false; // without this script it would do nothing
say("Loading the network …");
ready.then(
  () => asked || say("The prediction will stand here."),
  (error) => say(`The network cannot be loaded: ${error.message}`, true),
);

if (about.columns) takeRows();
else takePictures();

async function ask(given, notes = []) {
  const mine = ++asked;
  say("Predicting …");
  result.hidden = true;
  try {
    const predict = await ready;
    const began = performance.now();
    const values = await predict(given);
    if (mine !== asked) return;
    show(Array.from(values), notes);
    say(`Took ${Math.max(1, Math.round(performance.now() - began))} ms.`);
  } catch (error) {
    if (mine === asked) say(error.message, true);
  }
}

function say(text, failed = false) {
  status.textContent = text;
  status.classList.toggle("failed", failed);
}

// What goes in

function takePictures() {
  const input = form.elements.picture;
  const drop = form.querySelector(".drop");
  input.addEventListener("change", () => input.files.length && take(input.files[0]));
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
    });
  }
  document.addEventListener("drop", (event) => event.dataTransfer.files.length && take(event.dataTransfer.files[0]));
  document.addEventListener("paste", (event) => event.clipboardData.files.length && take(event.clipboardData.files[0]));
}

function take(file) {
  const preview = form.querySelector("img");
  URL.revokeObjectURL(preview.src);
  preview.hidden = true; // until it is there: of a file that is no picture, browsers show a broken icon
  preview.onload = () => (preview.hidden = false);
  preview.src = URL.createObjectURL(file);
  ask(file);
}

function takeRows() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const row = about.columns.map((column, place) => [column, read(form.elements[`column${place}`], column)]);
    const wrong = form.querySelector("[aria-invalid]");
    if (wrong === null) return ask(row, row.map(noteOf).filter(Boolean));
    asked++;
    result.hidden = true;
    wrong.focus();
    say("What was typed cannot be read; see the field.", true);
  });
}

/** The value of a field; what is wrong with it is said beside it. */
function read(field, column) {
  const said = document.getElementById(`${field.name}-wrong`);
  said.hidden = true;
  for (const name of ["aria-invalid", "aria-describedby"]) field.removeAttribute(name);
  try {
    return valueOf(field, column);
  } catch (error) {
    said.textContent = error.message;
    said.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", said.id);
    return "";
  }
}

/** A number, or a text; empty for a missing value, which is NaN for a number. */
function valueOf(field, column) {
  if (column.categories) return field.value === "" ? "" : column.categories[Number(field.value)];
  if (!column.is_date) return numberOf(field.value, column);
  if (field.validity.badInput) throw new Error(`“${column.name}” holds dates. Choose a whole one, or none.`);
  return field.value;
}

function noteOf([column, value]) {
  return typeof value === "number" ? beyond(value, column) : "";
}

// What comes out

function show(values, notes) {
  result.replaceChildren(about.classes ? bars(values) : value(values[0]), ...notes.map((note) => element("p", "", note)));
  result.hidden = false;
}

function bars(values) {
  const order = values.map((_, place) => place).sort((a, b) => values[b] - values[a] || a - b);
  const list = element("ol", "bars");
  for (const place of order.slice(0, SHOWN)) {
    const row = list.appendChild(element("li"));
    row.dataset.value = values[place];
    row.append(element("span", "name", about.classes[place]), element("span", "share", percent(values[place])));
    const bar = row.appendChild(element("span", "bar")).appendChild(element("span"));
    bar.style.width = `${100 * values[place]}%`;
  }
  if (order.length <= SHOWN) return list;
  const all = element("div");
  all.append(list, element("p", "faint", `The ${SHOWN} most probable of ${order.length} classes.`));
  return all;
}

function value(number) {
  const line = element("p", "value");
  line.dataset.value = number;
  line.append(element("strong", "", digits(number)), ` ${about.target}`);
  return line;
}

function digits(number) { // four, as the scores and the report have them
  const whole = Math.abs(number) >= 9999.5;
  return whole ? Math.round(number).toLocaleString("en") : Number(number.toPrecision(4)).toString();
}

function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  const text = (100 * share).toFixed(1);
  return share < 1 && text === "100.0" ? "> 99.9 %" : `${text} %`;
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
