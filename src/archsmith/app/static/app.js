// Light or dark: as the system says, until a person chooses. NiceGUI keeps the class of the body.
(() => {
  const KEY = "archsmith-theme";
  const set = (dark) => {
    document.body.classList.toggle("body--dark", dark);
    document.body.classList.toggle("body--light", !dark);
  };
  document.addEventListener("DOMContentLoaded", () => {
    const chosen = localStorage.getItem(KEY);
    if (!chosen && document.body.classList.contains("plain")) set(matchMedia("(prefers-color-scheme: dark)").matches);
    if (chosen) {
      set(chosen === "dark");
      new MutationObserver(() => {
        const wanted = localStorage.getItem(KEY) === "dark";
        if (document.body.classList.contains("body--dark") !== wanted) set(wanted);
      }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme]")) return;
    const dark = !document.body.classList.contains("body--dark");
    localStorage.setItem(KEY, dark ? "dark" : "light");
    set(dark);
  });
})();
