// Drawings of networks: zoom with buttons, keys, or Ctrl and the wheel; move by dragging, scrolling or arrow keys.
(() => {
  const STEP = 1.25;
  const LEAST = 0.2;
  const MOST = 8; // of the width at first

  const parts = (element) => {
    const viewer = element.closest?.("[data-viewer]");
    const canvas = viewer?.querySelector("[data-canvas]");
    const svg = canvas?.querySelector("svg");
    return svg ? { canvas, svg } : null;
  };

  // `x`, `y`: the place in the frame that stays where it is.
  const zoom = ({ canvas, svg }, factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
    const before = svg.getBoundingClientRect().width;
    svg.dataset.fit ??= String(before);
    svg.dataset.style ??= svg.getAttribute("style");
    const fit = Number(svg.dataset.fit);
    const width = Math.min(MOST * fit, Math.max(LEAST * fit, before * factor));
    const left = (canvas.scrollLeft + x) * (width / before) - x;
    const top = (canvas.scrollTop + y) * (width / before) - y;
    svg.style.minWidth = "0";
    svg.style.maxWidth = "none";
    svg.style.width = `${width}px`;
    canvas.scrollTo(left, top);
  };

  const fit = ({ canvas, svg }) => {
    if (svg.dataset.style) svg.setAttribute("style", svg.dataset.style);
    delete svg.dataset.style;
    delete svg.dataset.fit;
    canvas.scrollTo(0, 0);
  };

  const act = (found, what) => (what === "fit" ? fit(found) : zoom(found, what === "in" ? STEP : 1 / STEP));

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-zoom]");
    const found = button && parts(button);
    if (found) act(found, button.dataset.zoom);
  });

  document.addEventListener("keydown", (event) => {
    const what = { "+": "in", "=": "in", "-": "out", 0: "fit" }[event.key];
    const found = what && !event.ctrlKey && !event.metaKey && event.target.matches?.("[data-canvas]") && parts(event.target);
    if (!found) return;
    event.preventDefault();
    act(found, what);
  });

  document.addEventListener(
    "wheel",
    (event) => {
      const canvas = event.ctrlKey && event.target.closest?.("[data-canvas]");
      const found = canvas && parts(canvas);
      if (!found) return;
      event.preventDefault();
      const frame = canvas.getBoundingClientRect();
      zoom(found, event.deltaY < 0 ? STEP : 1 / STEP, event.clientX - frame.left, event.clientY - frame.top);
    },
    { passive: false },
  );

  let held = null; // a drawing that a mouse drags; fingers scroll by themselves
  document.addEventListener("pointerdown", (event) => {
    const canvas = event.pointerType === "mouse" && event.button === 0 && event.target.closest?.("[data-canvas]");
    if (canvas) held = { canvas, x: event.clientX + canvas.scrollLeft, y: event.clientY + canvas.scrollTop };
  });
  document.addEventListener("pointermove", (event) => {
    if (held) held.canvas.scrollTo(held.x - event.clientX, held.y - event.clientY);
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => (held = null));
})();
