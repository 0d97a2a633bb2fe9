import { hasWebGL } from "./webgl.js";
import { PathPanel, nodeDetails } from "./details.js";
import { breath, byId, h, plural } from "./dom.js";
import { Drawing } from "./drawing.js";
import { fillFilters } from "./filters.js";
import { listen, toward } from "./keyboard.js";
import { read, words } from "./model.js";
import { Box, Finder } from "./search.js";
import { State } from "./state.js";
import { Table } from "./table.js";
import { keepTheme } from "./theme.js";
import { filtered, neighbourhood, picture } from "./view.js";

/** Ties graph, state and panels together. */
class Page {
  constructor(model) {
    this.model = model;
    this.state = new State(model);
    this.finder = new Finder(model);
    this.actions = {
      select: (i) => this.select(i),
      close: () => this.select(-1),
      hover: (i) => this.drawing?.hover(i),
      approach: (i) => this.approach(i),
      path: (ends) => this.path(ends),
      isHidden: (i) => !this.drawn.stands[i],
      reveal: () => this.reveal(),
    };
    this.search = new Box(this.finder, { label: "Search", placeholder: "Search…  ( / )", choose: (i) => i >= 0 && this.select(i, { approach: true }) });
    byId("search").append(this.search.element);
    this.paths = new PathPanel(model, this.state, this.finder, this.actions);
    this.node = h("section", { class: "node" });
    byId("details").append(this.paths.element, this.node);
    fillFilters(byId("side"), model, this.state);
    this.table = new Table(byId("table"), model, this.state, (i) => this.select(i));
    this.theme = keepTheme((theme) => this.drawing?.recolour(theme, this.state.colour));
    this.buttons();
  }

  /** Draw for the first time. */
  async start() {
    this.look();
    await breath();
    if (hasWebGL()) {
      const pointed = { onhover: (i) => this.hover(i), onclick: (i) => this.select(i), onmiss: () => this.select(-1) };
      this.drawing = new Drawing(byId("stage"), this.model, this.theme(), pointed);
      this.drawing.colour = this.state.colour;
      this.drawing.show(this.drawn);
    } else {
      this.notice("This browser does not draw with WebGL, so the graph is shown as a table.");
      byId("graph-button").disabled = true;
      byId("path-button").hidden = false;
    }
    this.state.watch(() => this.update());
    this.update();
    if (this.drawing && this.state.node >= 0) this.approach(this.state.node);
    listen(this);
  }

  /** Work out what is to be seen, where a filter or the level changed. */
  look() {
    const { state, model } = this;
    const key = JSON.stringify([Object.values(state.hidden).map((gone) => [...gone]), state.level]);
    if (key === this.lookedFor) return false;
    this.lookedFor = key;
    this.seen = filtered(model, state);
    this.drawn = picture(model, state, this.seen);
    return true;
  }

  update() {
    const { state, drawing } = this;
    const anew = this.look();
    const table = state.view === "table" || !drawing;
    if (drawing && anew) drawing.show(this.drawn);
    if (drawing && drawing.colour !== state.colour) drawing.recolour(this.theme(), state.colour);
    byId("stage").hidden = byId("zoom").hidden = table;
    byId("table").hidden = !table;
    byId("graph-button").setAttribute("aria-pressed", String(!table));
    byId("table-button").setAttribute("aria-pressed", String(table));
    byId("path-button").setAttribute("aria-pressed", String(state.pathOpen));
    if (table && (anew || !this.table.seen)) this.table.show(this.seen);
    else if (table) this.table.draw();
    this.panels();
    this.count();
  }

  panels() {
    const { state, model } = this;
    const path = this.paths.update(this.seen);
    const shown = state.node >= 0;
    const kept = this.node.contains(document.activeElement) && this.shownNode === state.node;
    const focused = kept && document.activeElement.name === "focus";
    this.node.hidden = !shown;
    this.node.replaceChildren(...(shown ? nodeDetails(model, state, this.seen, this.actions).filter(Boolean) : []));
    if (focused) this.node.querySelector("input[name=focus]:checked")?.focus();
    if (this.shownNode !== state.node) byId("details").scrollTop = 0;
    this.shownNode = state.node;
    byId("details").hidden = !shown && !state.pathOpen;
    document.body.classList.toggle("with-details", !byId("details").hidden);
    this.drawing?.attend(this.attention(path));
  }

  /** What fades is what neither path nor neighbourhood has. */
  attention(path) {
    const { state, model, drawn } = this;
    if (path) {
      const lines = path.map((link) => [model.source[link], model.target[link]]);
      const nodes = new Set([state.from, state.to, ...lines.flat()]);
      return { nodes, lines, strong: new Set(nodes), chain: true };
    }
    if (state.node < 0) return null;
    const start = drawn.standIn[state.node];
    const strong = new Set([state.node]);
    if (!state.focus || start < 0) return { nodes: strong, lines: [], strong };
    const around = neighbourhood(drawn, start, state.focus);
    around.nodes.add(state.node);
    return { nodes: around.nodes, lines: [...around.lines].map((line) => [drawn.source[line], drawn.target[line]]), strong };
  }

  hover(i) {
    byId("stage").classList.toggle("pointing", i >= 0);
    this.drawing.hover(i);
    if (this.state.node >= 0 || this.state.pathOpen) return;
    clearTimeout(this.hovering);
    this.hovering = setTimeout(() => this.drawing.attend(i < 0 ? null : this.glance(i)), i < 0 ? 60 : 120);
  }

  glance(i) {
    const around = neighbourhood(this.drawn, i, 1);
    return { nodes: around.nodes, lines: [...around.lines].map((line) => [this.drawn.source[line], this.drawn.target[line]]), strong: new Set([i]) };
  }

  select(i, { approach = false } = {}) {
    clearTimeout(this.hovering);
    this.drawing?.hover(-1);
    if (i < 0 && this.state.node < 0) return;
    this.state.set({ node: i }, { step: true });
    if (i < 0) return void this.say("Nothing is selected.");
    const node = this.model.nodes[i];
    this.say(`${this.model.title(i)}, ${words(node.type)}, ${plural(this.model.linksAt(i).length, "link")}`);
    if (this.drawing && this.state.view === "graph" && (approach || !this.drawing.sees(i))) this.approach(i);
  }

  approach(i) {
    if (this.state.view !== "graph") this.state.set({ view: "graph" }, { step: true });
    const held = this.model.nodes.flatMap((_, k) => (this.model.parent[k] === i ? [k] : []));
    this.drawing?.approach([i, ...held]);
  }

  path(ends) {
    this.state.set({ pathOpen: true, ...ends }, { step: true });
    const { from, to } = this.state;
    if (from >= 0 && to >= 0 && this.drawing?.attention?.chain) this.drawing.approach([...this.drawing.attention.nodes]);
    else if (from < 0) this.paths.from.input.focus();
    else if (to < 0) this.paths.to.input.focus();
  }

  /** Let the selected node be seen, and no more than that. */
  reveal() {
    const node = this.model.nodes[this.state.node];
    const hidden = Object.fromEntries(Object.entries(this.state.hidden).map(([name, gone]) => [name, new Set(gone)]));
    hidden.types.delete(node.type);
    hidden.partitions.clear();
    this.state.set({ hidden, level: Math.max(this.state.level, node.level) });
  }

  count() {
    const { model, drawn } = this;
    const nodes = drawn.stands.reduce((sum, each) => sum + each, 0);
    const { omitted } = model;
    const left = [omitted.nodes && plural(omitted.nodes, "node"), omitted.links && plural(omitted.links, "link")].filter(Boolean);
    byId("count").textContent = `${plural(nodes, "node")}, ${plural(drawn.source.length, "line")}${left.length ? `. Left out for want of room: ${left.join(", ")}` : ""}`;
    if (!model.empty) this.notice(nodes ? this.lasting : "The filters hide everything.");
  }

  notice(text) {
    if (text && !this.drawing && !this.lasting) this.lasting = text;
    byId("notice").textContent = text ?? "";
    byId("notice").hidden = !text;
  }

  say(text) {
    byId("said").textContent = text;
  }

  buttons() {
    const { state } = this;
    const click = (id, action) => byId(id).addEventListener("click", action);
    click("graph-button", () => state.set({ view: "graph" }, { step: true }));
    click("table-button", () => state.set({ view: "table" }, { step: true }));
    click("path-button", () => (state.pathOpen ? state.set({ pathOpen: false, from: -1, to: -1 }, { step: true }) : this.path({ from: state.node })));
    click("help-button", () => byId("help").showModal());
    click("zoom-in", () => this.drawing.zoom(1.6));
    click("zoom-out", () => this.drawing.zoom(1 / 1.6));
    click("zoom-all", () => this.drawing.approach([]));
    click("filters-button", () => {
      const open = document.body.classList.toggle("with-filters");
      byId("filters-button").setAttribute("aria-expanded", String(open));
    });
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      state.set({ view: "table" }, { step: true });
      this.table.find.focus();
    });
  }

  /** Go along a connection, to the neighbour that lies in a direction. */
  walk(x, y) {
    const { state, model, drawn } = this;
    const here = state.node < 0 ? -1 : drawn.standIn[state.node];
    if (here < 0) return this.select(this.finder.order.find((i) => drawn.stands[i]) ?? -1);
    const around = [...neighbourhood(drawn, here, 1).nodes].filter((i) => i !== here);
    const next = toward(model.nodes[here], around.map((i) => [i, model.nodes[i]]), x, y);
    if (next >= 0) this.select(next);
  }

  /** Close what is open: first the details, then the path. */
  escape() {
    if (this.state.node >= 0) this.select(-1);
    else if (this.state.pathOpen) this.state.set({ pathOpen: false, from: -1, to: -1 }, { step: true });
  }
}

async function open() {
  const model = read(byId("graph").textContent);
  byId("graph").remove();
  const name = model.organisation || "Graph";
  byId("name").textContent = name;
  document.title = model.organisation ? `${model.organisation}: graph` : "Graph";
  if (model.empty) {
    keepTheme(() => {});
    document.body.classList.add("empty");
    byId("notice").append("The graph is empty. Fill it: ", h("code", {}, "duetto-intel sync"));
    byId("notice").hidden = false;
    byId("help-button").addEventListener("click", () => byId("help").showModal());
  } else {
    await breath();
    await new Page(model).start();
  }
  await breath();
  document.body.classList.add("ready");
  performance.mark("interactive");
}

open();
