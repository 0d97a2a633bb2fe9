// What the person chose. It lives in the address, so that back, forward, reload and links all work.
import { partitionOf } from "./view.js";

/** Keeps the state and tells those who watch. */
export class State {
  constructor(model) {
    this.model = model;
    this.facets = {
      types: Object.keys(model.types),
      relations: Object.keys(model.relations),
      partitions: [...new Set(model.nodes.map(partitionOf))].sort(),
    };
    this.watchers = [];
    this.load();
    addEventListener("hashchange", () => {
      if (location.hash === this.written) return;
      this.load();
      this.tell();
    });
  }

  watch(watcher) {
    this.watchers.push(watcher);
  }

  tell() {
    for (const watcher of this.watchers) watcher(this);
  }

  /** Change something. A step is one that the browser's back button undoes. */
  set(change, { step = false } = {}) {
    Object.assign(this, change);
    const hash = this.hash();
    if (hash !== location.hash) {
      this.written = hash;
      if (step) location.hash = hash;
      else history.replaceState(history.state, "", hash || "#");
    }
    this.tell();
  }

  load() {
    const said = new Map(location.hash.slice(1).split("&").map((part) => split(part, "=")));
    const index = (id) => this.model.index.get(decoded(id ?? "")) ?? -1;
    const top = this.model.levels.length - 1;
    const level = this.model.levels.indexOf(said.get("level"));
    const [from, to] = split(said.get("path") ?? "", "..");
    Object.assign(this, {
      node: index(said.get("node")),
      focus: Math.min(3, Math.max(0, Number(said.get("focus") ?? 1) || 0)),
      hidden: Object.fromEntries(Object.entries(this.facets).map(([name, all]) => [name, without(all, said.get(name))])),
      level: level < 0 ? top : level,
      colour: said.get("colour") === "community" ? "community" : "type",
      from: index(from),
      to: index(to),
      pathOpen: said.has("path"),
      view: said.get("view") === "table" ? "table" : "graph",
    });
    this.written = location.hash;
  }

  hash() {
    const { model, facets } = this;
    const parts = [];
    const say = (name, value) => parts.push(`${name}=${value}`);
    const id = (i) => (i < 0 ? "" : encoded(model.nodes[i].id));
    if (this.node >= 0) say("node", id(this.node));
    if (this.focus !== 1) say("focus", this.focus);
    for (const [name, gone] of Object.entries(this.hidden)) {
      if (gone.size) say(name, facets[name].filter((each) => !gone.has(each)).map(encoded).join(","));
    }
    if (this.level < model.levels.length - 1) say("level", model.levels[this.level]);
    if (this.colour !== "type") say("colour", this.colour);
    if (this.pathOpen) say("path", `${id(this.from)}..${id(this.to)}`);
    if (this.view !== "graph") say("view", this.view);
    return parts.length ? `#${parts.join("&")}` : "";
  }
}

/** What is hidden, if only these are shown. */
function without(all, shown) {
  if (shown === undefined) return new Set();
  const kept = new Set(shown.split(",").map(decoded));
  return new Set(all.filter((each) => !kept.has(each)));
}

function split(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

// Dots and commas separate, so they are written in full; what is harmless in an address stays readable.
const encoded = (text) =>
  encodeURIComponent(text).replaceAll(".", "%2E").replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%40", "@");

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // somebody edited the address
  }
}
