// The graph as it was handed over, with indexes. It never changes.

/** Read the graph that the page carries. */
export function read(text) {
  const graph = JSON.parse(text);
  return new Model(graph ?? {});
}

export class Model {
  constructor(graph) {
    this.organisation = String(graph.organisation ?? "");
    this.levels = graph.levels ?? [];
    this.types = graph.types ?? {};
    this.relations = graph.relations ?? {};
    this.communities = graph.communities ?? [];
    this.omitted = graph.omitted ?? { nodes: 0, links: 0 };
    this.nodes = graph.nodes ?? [];
    this.index = new Map(this.nodes.map((node, i) => [node.id, i]));
    this.links = (graph.links ?? []).filter((link) => this.index.has(link.source) && this.index.has(link.target));
    this.source = Int32Array.from(this.links, (link) => this.index.get(link.source));
    this.target = Int32Array.from(this.links, (link) => this.index.get(link.target));
    this.parent = Int32Array.from(this.nodes, (node) => this.index.get(node.parent) ?? -1);
    this.at = adjacency(this.nodes.length, this.source, this.target);
    this.names = this.nodes.map((node) => node.name || node.title || node.id);
  }

  get empty() {
    return this.nodes.length === 0;
  }

  /** What people call it, in full. */
  title(i) {
    return this.nodes[i].title || this.names[i];
  }

  /** Numbers of the links at a node. */
  linksAt(i) {
    return this.at.items.subarray(this.at.start[i], this.at.start[i + 1]);
  }

  /** The other end of a link. */
  across(link, i) {
    return this.source[link] === i ? this.target[link] : this.source[link];
  }

  /** The name of a relation as it reads from one of its ends. */
  reads(link, i) {
    const { type, label } = this.links[link];
    const outward = this.source[link] === i;
    const said = outward ? type : (this.relations[type]?.inverse ?? `${type} (inverse)`);
    return label && label !== type ? `${words(said)}: ${label}` : words(said);
  }
}

/** "depends_on" → "depends on" */
export const words = (name) => name.replaceAll("_", " ");

/** Return for each node where the numbers of its edges are. A loop stands once. */
export function adjacency(count, source, target) {
  const start = new Int32Array(count + 1);
  for (let e = 0; e < source.length; e++) {
    start[source[e] + 1]++;
    if (target[e] !== source[e]) start[target[e] + 1]++;
  }
  for (let i = 0; i < count; i++) start[i + 1] += start[i];
  const items = new Int32Array(start[count]);
  const next = start.slice(0, count);
  for (let e = 0; e < source.length; e++) {
    items[next[source[e]]++] = e;
    if (target[e] !== source[e]) items[next[target[e]]++] = e;
  }
  return { start, items };
}
