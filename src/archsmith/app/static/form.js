// The form of a study: only the fields of the chosen space and strategy are shown, a time of one's own is chosen by
// writing it, and what was filled in is there again when the page is loaded again, in this tab.
(() => {
  const PAUSE = 500;  // milliseconds without a letter, after which the app looks at what is written
  const key = () => `archsmith-form:${location.pathname}`;
  let waiting = null;

  const show = (select) => {
    for (const part of document.querySelectorAll(`[data-part^="${select.name}."]`)) {
      part.hidden = part.dataset.part !== `${select.name}.${select.value}`;
    }
  };
  const settle = (form) => {
    clearTimeout(waiting);
    sessionStorage.setItem(key(), JSON.stringify(Object.fromEntries(new FormData(form))));
    form.dispatchEvent(new Event("settled"));
  };
  const put = (field, kept) => {
    if (field.type === "checkbox") field.checked = field.name in kept;
    else if (field.type === "radio") field.checked = kept[field.name] === field.value;
    else if (field.name in kept && (!field.options || [...field.options].some((o) => o.value === kept[field.name]))) {
      field.value = kept[field.name];
    }
  };
  const restore = (form) => {
    form.dataset.restored = "";
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(key())); } catch { /* another page wrote it */ }
    if (!kept) return;
    for (const field of form.elements) if (field.name) put(field, kept);
    form.querySelectorAll("select[data-parts]").forEach(show);
    settle(form);
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("select[data-parts]")) show(event.target);
    const form = event.target.closest?.("form[data-kept]");
    if (form) settle(form);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-own-time]")) document.querySelector("[data-own-budget]").checked = true;
    const form = event.target.closest?.("form[data-kept]");
    if (!form) return;
    form.querySelector("[data-forecast]").classList.add("pending");
    clearTimeout(waiting);
    waiting = setTimeout(settle, PAUSE, form);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-to-field]");
    if (!link) return;
    event.preventDefault();
    const field = document.getElementById(link.hash.slice(1));
    field?.closest("details")?.setAttribute("open", "");
    field?.focus();
  });
  new MutationObserver((changes) => {
    document.querySelectorAll("form[data-kept]:not([data-restored])").forEach(restore);
    for (const change of changes) change.target.classList?.remove("pending");
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
