// The form of a study: only the fields of the chosen space and strategy are shown, and a time of one's own is chosen by
// writing it.
(() => {
  const show = (select) => {
    for (const part of document.querySelectorAll(`[data-part^="${select.name}."]`)) {
      part.hidden = part.dataset.part !== `${select.name}.${select.value}`;
    }
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("select[data-parts]")) show(event.target);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-own-time]")) document.querySelector("[data-own-budget]").checked = true;
  });
})();
