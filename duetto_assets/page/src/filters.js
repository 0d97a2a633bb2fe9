// The left side: level of detail, colours, and what is shown. The list of types is the legend, too.
import { h, number } from "./dom.js";
import { COLOURED_COMMUNITIES, communityColor, swatch } from "./marks.js";
import { words } from "./model.js";
import { NO_PARTITION, partitionOf } from "./view.js";

const LEVEL_NAMES = { organisation: "Organisation", partitions: "Partitions", trees: "Trees", documents: "Documents", symbols: "Symbols" };
const MANY_PARTITIONS = 12;

/** Fill the side, and keep it in step with the state. */
export function fillFilters(side, model, state) {
  const parts = [levels(model, state), colours(model, state), types(model, state), relations(model, state), partitions(model, state)];
  side.append(...parts.map((part) => part.element));
  const update = () => parts.forEach((part) => part.update());
  state.watch(update);
  update();
}

function levels(model, state) {
  const counts = model.levels.map((_, level) => model.nodes.filter((node) => node.level === level).length);
  const present = model.levels.map((_, level) => level).filter((level) => counts[level]);
  const inputs = present.map((level) => radio("level", LEVEL_NAMES[model.levels[level]] ?? model.levels[level], () => state.set({ level }, { step: true })));
  return {
    element: h("fieldset", { class: "levels" }, h("legend", {}, "Level of detail"), h("div", { class: "segments upright" }, inputs.map(({ element }) => element))),
    update() {
      const chosen = present.findLast((level) => level <= state.level) ?? present[0];
      inputs.forEach(({ input }, k) => (input.checked = present[k] === chosen));
    },
  };
}

function colours(model, state) {
  const byType = radio("colour", "Type", () => state.set({ colour: "type" }));
  const byCommunity = radio("colour", "Community", () => state.set({ colour: "community" }));
  const legend = h("ul", { class: "communities", "aria-label": "Communities by colour" }, model.communities.slice(0, COLOURED_COMMUNITIES).map((each) =>
    h("li", {}, dot(communityColor(each.id)), h("bdi", { title: each.name }, each.name), h("small", {}, number(each.size)))));
  const others = model.communities.length - COLOURED_COMMUNITIES;
  if (others > 0) legend.append(h("li", {}, dot(communityColor(-1)), `${number(others)} smaller ones`));
  return {
    element: h("fieldset", {}, h("legend", {}, "Colour by"), h("div", { class: "segments" }, byType.element, byCommunity.element), legend),
    update() {
      byType.input.checked = state.colour === "type";
      byCommunity.input.checked = state.colour === "community";
      legend.hidden = state.colour === "type";
    },
  };
}

function dot(color) {
  const mark = h("span", { class: "dot", "aria-hidden": "true" });
  mark.style.background = color;
  return mark;
}

function types(model, state) {
  const rows = Object.entries(model.types).map(([name, { count, meaning }]) => ({ key: name, text: words(name), count, title: meaning, sign: swatch(name) }));
  return facet("Types", "types", rows, state);
}

function relations(model, state) {
  const rows = Object.entries(model.relations).map(([name, { count, meaning }]) => ({ key: name, text: words(name), count, title: meaning }));
  return facet("Relations", "relations", rows, state);
}

function partitions(model, state) {
  const counts = new Map();
  for (const node of model.nodes) counts.set(partitionOf(node), (counts.get(partitionOf(node)) ?? 0) + 1);
  const rows = state.facets.partitions.map((key) => ({
    key, text: key === NO_PARTITION ? "in no source" : key, count: counts.get(key),
    title: key === NO_PARTITION ? "People, packages and labels belong to no one partition." : "",
  }));
  return facet("Sources", "partitions", rows, state);
}

function facet(name, key, rows, state) {
  const set = (gone) => state.set({ hidden: { ...state.hidden, [key]: gone } });
  const boxes = rows.map((row) => {
    const input = h("input", { type: "checkbox", onchange: () => {
      const gone = new Set(state.hidden[key]);
      if (input.checked) gone.delete(row.key);
      else gone.add(row.key);
      set(gone);
    } });
    const only = h("button", { type: "button", class: "only", "aria-label": `Only ${row.text}`, onclick: () => set(new Set(rows.map((each) => each.key).filter((each) => each !== row.key))) }, "only");
    const element = h("li", {}, h("label", { title: row.title }, input, row.sign ?? "", h("bdi", {}, row.text), h("small", {}, number(row.count))), only);
    return { element, input, row };
  });
  const all = h("button", { type: "button", class: "all", onclick: () => set(new Set()) }, "show all");
  const find = h("input", { type: "search", class: "narrow", placeholder: `Find among ${number(rows.length)}`, "aria-label": `Find among ${name.toLowerCase()}`, oninput: () => {
    for (const { element, row } of boxes) element.hidden = !row.text.toLowerCase().includes(find.value.toLowerCase());
  } });
  const element = h("fieldset", { class: "facet" }, h("legend", {}, name), all, rows.length > MANY_PARTITIONS && key === "partitions" ? find : null, h("ul", {}, boxes.map((box) => box.element)));
  return {
    element,
    update() {
      for (const { input, row } of boxes) input.checked = !state.hidden[key].has(row.key);
      all.hidden = !state.hidden[key].size;
      element.hidden = !rows.length;
    },
  };
}

function radio(name, text, onchange) {
  const input = h("input", { type: "radio", name, onchange });
  return { input, element: h("label", {}, input, h("span", {}, text)) };
}
