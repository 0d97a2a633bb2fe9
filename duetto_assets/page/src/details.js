// The right side: what is known of one node, who says it, and the way between two nodes.
import { h, number, outward, plural } from "./dom.js";
import { swatch } from "./marks.js";
import { words } from "./model.js";
import { Box, where } from "./search.js";
import { shortestPath } from "./view.js";

const AT_ONCE = 20;
const MORE = 200;

/** Show a node. */
export function nodeDetails(model, state, seen, actions) {
  const i = state.node;
  const node = model.nodes[i];
  const groups = grouped(model, seen, i);
  return [
    h("header", {}, swatch(node.type), h("h2", { tabindex: "-1" }, h("bdi", {}, model.title(i))), closing("Close details", actions.close)),
    actions.isHidden(i) ? hiddenNote(actions) : null,
    facts(model, node, actions),
    h("div", { class: "actions" },
      node.url ? outward(node.url, `Open in ${sourceName(node.source)}`) : null,
      h("button", { type: "button", onclick: () => actions.approach(i) }, "Zoom to it"),
      h("button", { type: "button", onclick: () => actions.path({ from: i }) }, "Path from here"),
      h("button", { type: "button", onclick: () => actions.path({ to: i }) }, "Path to here")),
    depths(state),
    h("div", { class: "relations" }, groups.length ? groups.map((group) => relationGroup(model, i, group, actions)) : h("p", { class: "none" }, "Nothing that is shown is connected to it.")),
  ];
}

const SOURCES = { github: "GitHub", repos: "the repository", git: "the repository", confluence: "Confluence", jira: "JIRA" };
const sourceName = (source) => SOURCES[source] ?? (source || "its source");

function closing(label, onclick) {
  return h("button", { type: "button", class: "close", "aria-label": label, title: "Esc", onclick }, "×");
}

function hiddenNote({ reveal }) {
  return h("p", { class: "note" }, "The filters or the level of detail hide it. ", h("button", { type: "button", onclick: reveal }, "Show it"));
}

function facts(model, node, actions) {
  const meaning = model.types[node.type]?.meaning;
  const community = model.communities[node.community];
  const parent = model.index.get(node.parent);
  const rows = [
    ["Type", h("span", { title: meaning }, words(node.type))],
    node.partition && [node.source ? sourceName(node.source).replace("the ", "") : "source", h("bdi", {}, node.partition)],
    node.path && ["path", h("bdi", { class: "path" }, node.line ? `${node.path}:${node.line}` : node.path)],
    parent !== undefined && ["in", h("button", { type: "button", class: "inline", onclick: () => actions.select(parent) }, h("bdi", {}, model.title(parent)))],
    community && ["community", h("span", {}, h("bdi", {}, community.name), ` (${plural(community.size, "node")})`)],
    ["id", h("bdi", { class: "path" }, node.id)],
  ].filter(Boolean);
  return h("dl", {}, rows.map(([name, value]) => [h("dt", {}, name[0].toUpperCase() + name.slice(1)), h("dd", {}, value)]));
}

function depths(state) {
  const choices = [[0, "none"], [1, "1 step"], [2, "2 steps"], [3, "3 steps"]].map(([focus, text]) =>
    h("label", {}, h("input", { type: "radio", name: "focus", checked: state.focus === focus, onchange: () => state.set({ focus }) }), h("span", {}, text)));
  return h("fieldset", { class: "depth" }, h("legend", {}, "Neighbourhood"), h("div", { class: "segments" }, choices));
}

/** Links at a node by relation and direction; the groups as the ontology declares them. */
function grouped(model, seen, i) {
  const groups = new Map();
  for (const link of model.linksAt(i)) {
    if (!seen.link[link]) continue;
    const name = model.reads(link, i);
    if (!groups.has(name)) groups.set(name, { name, type: model.links[link].type, links: [] });
    groups.get(name).links.push(link);
  }
  const order = Object.keys(model.relations);
  const strength = (link) => model.nodes[model.across(link, i)].centrality;
  for (const group of groups.values()) group.links.sort((a, b) => strength(b) - strength(a));
  return [...groups.values()].sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type) || (a.name < b.name ? -1 : 1));
}

function relationGroup(model, i, { name, type, links }, actions) {
  const list = h("ul", {}, links.slice(0, AT_ONCE).map((link) => neighbour(model, i, link, actions)));
  let told = AT_ONCE;
  const more = h("button", { type: "button", class: "more", onclick: () => {
    list.append(...links.slice(told, told + MORE).map((link) => neighbour(model, i, link, actions)));
    told += MORE;
    label();
  } });
  const label = () => {
    more.hidden = told >= links.length;
    more.textContent = `Show ${number(Math.min(MORE, links.length - told))} more of ${number(links.length)}`;
  };
  label();
  return h("section", {}, h("h3", { title: model.relations[type]?.meaning }, name, " ", h("small", {}, number(links.length))), list, more);
}

function neighbour(model, i, link, actions) {
  const other = model.across(link, i);
  return h("li", {},
    h("button", { type: "button", class: "neighbour", onclick: () => actions.select(other), onpointerenter: () => actions.hover(other), onpointerleave: () => actions.hover(-1) },
      swatch(model.nodes[other].type), h("span", { class: "what" }, h("bdi", {}, model.title(other)), h("small", {}, where(model.nodes[other])))),
    certainty(model.links[link]), citations(model.links[link]));
}

function certainty({ confidence }) {
  return confidence < 1 ? h("small", { class: "certainty", title: "How certain it is that this is meant" }, `${Math.round(confidence * 100)} %`) : null;
}

function citations({ documents }) {
  if (!documents?.length) return null;
  return h("p", { class: "says" }, "said in ", documents.flatMap((each, k) => [k ? ", " : "", outward(each.url, each.title || each.url || "a document")]));
}

/** Asks for two nodes, and shows the shortest path. */
export class PathPanel {
  constructor(model, state, finder, actions) {
    Object.assign(this, { model, state, actions });
    this.from = new Box(finder, { label: "Path from", placeholder: "From", choose: (i) => actions.path({ from: i }) });
    this.to = new Box(finder, { label: "Path to", placeholder: "To", choose: (i) => actions.path({ to: i }) });
    this.result = h("div", { class: "result", role: "status" });
    const swap = h("button", { type: "button", onclick: () => actions.path({ from: state.to, to: state.from }) }, "Swap");
    this.element = h("section", { class: "paths", "aria-label": "Shortest path" },
      h("header", {}, h("h2", {}, "Shortest path"), closing("Close path", () => state.set({ pathOpen: false, from: -1, to: -1 }, { step: true }))),
      h("div", { class: "ends" }, this.from.element, this.to.element, swap), this.result);
  }

  /** Show the path between the chosen nodes, and return its links; null where there is nothing to show. */
  update(seen) {
    const { model, state } = this;
    this.element.hidden = !state.pathOpen;
    if (!state.pathOpen) return null;
    for (const [box, i] of [[this.from, state.from], [this.to, state.to]]) if (document.activeElement !== box.input || i >= 0) box.show(i);
    if (state.from < 0 || state.to < 0) {
      this.result.replaceChildren(h("p", { class: "none" }, "Choose two nodes: here, or by “Path from here” and “Path to here” in a node's details."));
      return null;
    }
    const path = shortestPath(model, seen, state.from, state.to);
    this.result.replaceChildren(path ? this.steps(path) : h("p", { class: "none" }, "No path joins these two over what is shown. Filters leave out relations and types."));
    return path;
  }

  steps(path) {
    const { model, state, actions } = this;
    let i = state.from;
    const item = (node) => h("button", { type: "button", class: "neighbour", onclick: () => actions.select(node) }, swatch(model.nodes[node].type), h("span", { class: "what" }, h("bdi", {}, model.title(node)), h("small", {}, where(model.nodes[node]))));
    const rows = [h("li", {}, item(i))];
    for (const link of path) {
      const next = model.across(link, i);
      rows.push(h("li", {}, h("p", { class: "by" }, `↓ ${model.reads(link, i)}`), item(next), certainty(model.links[link]), citations(model.links[link])));
      i = next;
    }
    return h("div", {}, h("p", {}, plural(path.length, "step")), h("ol", { class: "steps" }, rows));
  }
}
