// Keys. In fields they write, everywhere else they do what the help says.
import { byId } from "./dom.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Let keys work the page. */
export function listen(page) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.target.closest("input[type=search]")) return;
    if (act(page, event)) event.preventDefault();
  });
}

function act(page, { key, target }) {
  const onStage = target === byId("stage") || target === document.body;
  if (onStage && Object.hasOwn(ARROWS, key) && page.drawing && page.state.view === "graph") {
    page.walk(...ARROWS[key]);
    return true;
  }
  if (onStage && key === "Enter" && page.state.node >= 0) {
    page.approach(page.state.node);
    document.querySelector("#details h2[tabindex]")?.focus({ preventScroll: true });
    return true;
  }
  const action = KEYS[key];
  action?.(page);
  return Boolean(action);
}

const KEYS = {
  "/": ({ search }) => search.input.select(),
  "?": () => byId("help").showModal(),
  "+": ({ drawing }) => drawing?.zoom(1.6),
  "=": ({ drawing }) => drawing?.zoom(1.6),
  "-": ({ drawing }) => drawing?.zoom(1 / 1.6),
  0: ({ drawing }) => drawing?.approach([]),
  t: ({ state, drawing }) => drawing && state.set({ view: state.view === "graph" ? "table" : "graph" }, { step: true }),
  p: () => byId("path-button").click(),
  Escape: (page) => {
    page.escape();
    if (page.drawing) byId("stage").focus();
  },
};

/** Return the node that lies best in a direction, within 60 degrees of it; -1 for none. */
export function toward(here, others, x, y) {
  let best = -1;
  let least = Infinity;
  for (const [i, there] of others) {
    const dx = there.x - here.x;
    const dy = there.y - here.y;
    const length = Math.hypot(dx, dy);
    const along = (dx * x + dy * y) / (length || 1);
    const cost = length * (2 - along);
    if (along >= 0.5 && cost < least) [best, least] = [i, cost];
  }
  return best;
}
