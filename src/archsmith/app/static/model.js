// The page of a model: hands a picture or a row to the API, shows what comes back, marks where a picture matters, and
// copies lines. The elements are made by NiceGUI after this script has loaded, so everything is found when it is needed.
// All texts go through textContent.
(() => {
  const SHADE = 0.9; // of the place that matters most, on a picture that is grey meanwhile, see model.css
  const state = { file: null, asked: 0, url: "" };

  const root = () => document.querySelector("[data-try]");
  const part = (name) => root()?.querySelector(`[data-${name}]`);
  const say = (text, failed = false) => {
    const status = part("status");
    if (!status) return;
    status.textContent = text;
    status.classList.toggle("failed", failed);
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-picture]") && event.target.files.length) take(event.target.files[0]);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches?.("[data-row]")) return;
    event.preventDefault();
    document.querySelectorAll("[data-row] [aria-invalid]").forEach((field) => wrongAt(field, ""));
    const half = [...event.target.elements].find((field) => field.validity?.badInput); // as in a date that is not whole
    if (half) return wrongAt(half, "This is no whole date. Choose one, or none.");
    ask("predict", { body: JSON.stringify(rowOf(event.target)), headers: { "Content-Type": "application/json" } }, show);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-occlude]")) occlude();
    const copy = event.target.closest?.("[data-copy]");
    if (copy) copyFrom(copy);
  });
  document.addEventListener("paste", (event) => {
    if (part("picture") && event.clipboardData?.files.length) take(event.clipboardData.files[0]);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const drop = root()?.querySelector(".drop");
      if (!drop) return;
      event.preventDefault(); // a file that falls beside the field must not replace the page
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    });
  }

  function take(file) {
    state.file = file;
    URL.revokeObjectURL(state.url);
    state.url = URL.createObjectURL(file);
    part("preview").src = state.url;
    part("map").hidden = true;
    ask(`predict?name=${encodeURIComponent(file.name.slice(-200))}`, picture(), (found) => {
      part("shown").hidden = false;
      part("tools").hidden = false;
      show(found);
    });
  }

  function picture() {
    return { body: state.file, headers: { "Content-Type": state.file.type || "application/octet-stream" } };
  }

  function occlude() {
    if (!state.file) return;
    ask("occlusion", picture(), mark, "Covering one place after the other …");
  }

  async function ask(what, request, then, text = "Predicting …") {
    const mine = ++state.asked;
    say(text);
    try {
      const answer = await fetch(`${root().dataset.try}/${what}`, { method: "POST", ...request });
      const found = await answer.json().catch(() => ({}));
      if (mine !== state.asked) return;
      if (!answer.ok) {
        const wrong = found.error;
        const text = wrong ? [wrong.message, wrong.hint].filter(Boolean).join(" ") : `The app says ${answer.status}.`;
        const field = [...document.querySelectorAll("[data-column]")].find((each) => each.dataset.column === wrong?.field);
        if (field) wrongAt(field, text);
        throw new Error(field ? "What was typed cannot be read; see the field." : text);
      }
      then(found);
    } catch (error) {
      if (mine !== state.asked) return;
      if (what !== "occlusion") part("result").replaceChildren();
      say(error instanceof TypeError ? "The app does not answer." : error.message, true);
    }
  }

  function rowOf(form) {
    const row = {};
    for (const field of form.querySelectorAll("[data-column]")) {
      const { column, kind } = field.dataset;
      if (field.value === "") row[column] = null;
      else row[column] = kind === "category" ? field.value.slice(1) : field.value;
    }
    return row;
  }

  /** Says beside a field what is wrong with it; nothing any more without a text. */
  function wrongAt(field, text) {
    field.parentElement.querySelector("[data-wrong]")?.remove();
    for (const name of ["aria-invalid", "aria-describedby"]) field.removeAttribute(name);
    if (!text) return;
    const said = field.parentElement.appendChild(element("small", "failed", text));
    said.dataset.wrong = "";
    said.id = "wrong-field";
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", said.id);
    field.focus();
  }

  function digits(number) { // four, as the scores and the report have them
    const whole = Math.abs(number) >= 9999.5;
    return whole ? Math.round(number).toLocaleString("en") : Number(number.toPrecision(4)).toString();
  }

  function show(found) {
    const result = part("result");
    if (found.value !== null) {
      const line = element("p", "value");
      line.append(element("strong", "", digits(found.value)), ` ${found.target}`);
      result.replaceChildren(line);
    } else {
      const list = element("ol");
      for (const { name, probability } of found.probabilities) {
        const row = list.appendChild(element("li"));
        row.append(element("span", "name", name), element("span", "share", percent(probability)));
        row.appendChild(element("span", "bar")).appendChild(element("span")).style.width = `${100 * probability}%`;
      }
      result.replaceChildren(list);
      const n = found.probabilities.length;
      if (n < found.n_classes) result.append(element("p", "faint", `The ${n} most probable of ${found.n_classes} classes.`));
    }
    result.append(...found.notes.map((note) => element("p", "notice", note)));
    say(`Took ${found.milliseconds < 10 ? found.milliseconds.toFixed(1) : Math.round(found.milliseconds)} ms.`);
  }

  function mark(found) {
    const map = part("map");
    const [height, width] = [found.fall.length, found.fall[0].length];
    const values = found.fall.map((row) => row.map((value) => (found.label === null ? Math.abs(value) : Math.max(0, value))));
    const most = Math.max(...values.flat());
    map.width = width;
    map.height = height;
    const context = map.getContext("2d");
    context.clearRect(0, 0, width, height);
    values.forEach((row, y) =>
      row.forEach((value, x) => {
        context.fillStyle = `rgba(255, 110, 0, ${most > 0 ? (SHADE * value) / most : 0})`;
        context.fillRect(x, y, 1, 1);
      }),
    );
    map.hidden = most <= 0;
    say(`${worst(values, most, found)} Took ${Math.round(found.milliseconds)} ms.`);
  }

  /** In words where the picture matters most. */
  function worst(values, most, found) {
    if (most <= 0 && found.fall.flat().some((value) => value < 0)) {
      return `Whatever place is covered, the probability of “${found.label}” does not fall.`;
    }
    if (most <= 0) return "No single place matters: whatever is covered, the prediction stays.";
    if (found.label !== null && most < 0.00005) {
      return `Whatever place is covered, the probability of “${found.label}” falls by less than 0.01 points.`;
    }
    const [height, width] = [values.length, values[0].length];
    const y = values.findIndex((row) => row.includes(most));
    const x = values[y].indexOf(most);
    const up = y < height / 3 ? "top" : y >= (2 * height) / 3 ? "bottom" : "middle";
    const side = x < width / 3 ? "left" : x >= (2 * width) / 3 ? "right" : "middle";
    const place = up === side ? "the middle" : `the ${up} ${side}`;
    const change =
      found.label === null
        ? `the number changes by ${Number(most.toPrecision(3))}`
        : `the probability of “${found.label}” falls by ${(100 * most).toFixed(most < 0.01 ? 2 : 0)} points`;
    return `Without ${place} of the picture ${change}, more than without any other place.`;
  }

  async function copyFrom(button) {
    const text = button.parentElement.querySelector("pre").textContent;
    const before = button.dataset.label ?? button.textContent;
    button.dataset.label = before;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector("pre"));
      button.textContent = "Marked: copy it";
    }
    setTimeout(() => (button.textContent = before), 2000);
  }

  function percent(share) {
    if (share > 0 && share < 0.001) return "< 0.1 %";
    const text = (100 * share).toFixed(1);
    return share < 1 && text === "100.0" ? "> 99.9 %" : `${text} %`;
  }

  function element(name, kind = "", text = "") {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.textContent = text;
    return made;
  }
})();
