// Sends files as they are, one after the other, and shows how far they are. Several files are one data set only where
// they are images and their labels (IDX, .npy).
(() => {
  const PAIRED = /(\.npy|-ubyte(\.gz)?|\.idx[13]?(-ubyte)?(\.gz)?)$/i;
  const STOPPED = "Stopped.";
  let running = null;
  const part = (name) => document.querySelector(`[data-upload-${name}]`);
  const say = (words) => { part("state").textContent = words; };
  const wrong = (words) => { part("wrong").textContent = words; };
  const size = (bytes) => {  // as the pages write it
    if (bytes < 1000) return `${bytes} bytes`;
    const [value, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : bytes < 1e9 ? [bytes / 1e6, "MB"] : [bytes / 1e9, "GB"];
    return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
  };

  const send = (file, into, more) => new Promise((resolve, reject) => {
    const query = new URLSearchParams({ name: file.name, ...(into && { into }), ...(more && { more: true }) });
    const request = running = new XMLHttpRequest();
    request.open("POST", `/api/v1/data?${query}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      part("bar").value = event.loaded / Math.max(1, file.size);
      const sent = Math.min(event.loaded, file.size);
      say(`${file.name}: ${size(sent)} of ${size(file.size)}`);
      if (sent < file.size) return;
      say(`${file.name}: all of it was sent; the app looks at what it is …`);
      part("stop").hidden = true;  // the app goes on whether or not somebody waits
    };
    request.onload = () => {
      if (request.status < 300) return resolve(request.response);
      const error = request.response?.error ?? { message: "The app does not answer.", hint: "Is it still running?" };
      reject(new Error([error.message, error.hint].filter(Boolean).join(" ")));
    };
    request.onerror = () => reject(new Error("The connection was cut. Is the app still running?"));
    request.onabort = () => reject(new Error(STOPPED));
    part("stop").hidden = false;
    request.send(file);
  });

  /** Of several files the first one that comes is a data set already. */
  const removed = async (id) => {
    const answer = await fetch(`/api/v1/data/${id}`, { method: "DELETE" }).catch(() => null);
    return answer !== null && (answer.ok || answer.status === 404);
  };

  const take = async (files) => {
    if (running || !files.length) return;
    wrong("");
    const most = Number(part("zone").dataset.uploadZone);
    const large = files.find((file) => file.size > most);
    if (large) return wrong(`${large.name} has ${size(large.size)}, more than the ${size(most)} that are taken.`);
    if (files.length > 1 && !files.every((file) => PAIRED.test(file.name))) {
      return wrong("Give one file. Several pictures or class folders are zipped first.");
    }
    part("run").hidden = false;
    let made = null;
    try {
      for (const [place, file] of files.entries()) {
        made = await send(file, made?.id, place < files.length - 1);
      }
      say("All of it has come.");
      window.location.assign(`/data/${made.id}`);
    } catch (error) {
      part("run").hidden = true;
      let then = error.message === STOPPED ? "Nothing was kept." : "";
      if (made !== null && !(await removed(made.id))) then = "What had come before is among the data that are here.";
      wrong([error.message, then].filter(Boolean).join(" "));
    }
    running = null;
    part("file").value = "";
  };

  // A folder that is dropped is no file: reading its first byte fails.
  const dropped = async (list) => {
    const files = [...list];
    for (const file of files) {
      try { await file.slice(0, 1).arrayBuffer(); }
      catch { return wrong("That is a folder. Zip it first, then drop the zip here."); }
    }
    return take(files);
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-upload-file]")) take([...event.target.files]);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-upload-stop]")) running?.abort();
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const zone = event.target.closest?.("[data-upload-zone]");
      if (!part("zone")) return;
      event.preventDefault();  // a file that misses the zone would replace the page
      part("zone").classList.toggle("over", Boolean(zone) && kind !== "dragleave" && kind !== "drop");
      if (kind === "drop" && zone) dropped(event.dataTransfer.files);
    });
  }
})();
