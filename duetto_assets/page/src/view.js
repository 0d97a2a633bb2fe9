// What of the graph is to be seen: a pure function of the graph and of what the person chose.
import { adjacency } from "./model.js";

/** Return which nodes and links the filters let through, whatever the level of detail. */
export function filtered(model, state) {
  const node = Uint8Array.from(model.nodes, (each) =>
    Number(!state.hidden.types.has(each.type) && !state.hidden.partitions.has(partitionOf(each))),
  );
  const link = Uint8Array.from(model.links, (each, e) =>
    Number(!state.hidden.relations.has(each.type) && node[model.source[e]] && node[model.target[e]]),
  );
  return { node, link };
}

/** The key of a node's partition. */
export const partitionOf = (node) => (node.partition ? `${node.source}/${node.partition}` : NO_PARTITION);
export const NO_PARTITION = "-"; // people, packages, labels

/** Return the picture: which nodes stand in it, and which lines join them. */
export function picture(model, state, seen) {
  const stands = Uint8Array.from(model.nodes, (node, i) => Number(seen.node[i] && node.level <= state.level));
  const standIn = lifted(model, stands);
  const lines = new Map();
  const source = [];
  const target = [];
  const weight = [];
  for (let e = 0; e < model.links.length; e++) {
    if (!seen.link[e]) continue;
    const a = standIn[model.source[e]];
    const b = standIn[model.target[e]];
    if (a < 0 || b < 0 || a === b) continue;
    const key = a < b ? a * model.nodes.length + b : b * model.nodes.length + a;
    let line = lines.get(key);
    if (line === undefined) {
      line = source.push(a) - 1;
      target.push(b);
      weight.push(0);
      lines.set(key, line);
    }
    weight[line] += model.links[e].weight ?? 1;
  }
  return { stands, standIn, source, target, weight, at: adjacency(model.nodes.length, source, target) };
}

/** Return for each node itself, or the nearest node above it that stands in the picture; -1 for none. */
function lifted(model, stands) {
  const found = new Int32Array(model.nodes.length);
  for (let i = 0; i < found.length; i++) {
    let above = i;
    for (let steps = 0; above >= 0 && !stands[above]; steps++) above = steps > 1000 ? -1 : model.parent[above];
    found[i] = above;
  }
  return found;
}

/** Return the nodes and lines within some steps of a node. */
export function neighbourhood(drawn, start, depth) {
  const nodes = new Set([start]);
  const lines = new Set();
  let rim = [start];
  for (let step = 0; step < depth; step++) {
    const next = [];
    for (const i of rim) {
      for (let k = drawn.at.start[i]; k < drawn.at.start[i + 1]; k++) {
        const line = drawn.at.items[k];
        lines.add(line);
        const other = drawn.source[line] === i ? drawn.target[line] : drawn.source[line];
        if (!nodes.has(other)) next.push(other);
        nodes.add(other);
      }
    }
    rim = next;
  }
  return { nodes, lines };
}

/** Return the numbers of the links on a shortest path, whatever their direction; null if there is none. */
export function shortestPath(model, seen, from, to) {
  if (from === to) return [];
  const came = new Int32Array(model.nodes.length).fill(-1);
  const queue = [from];
  for (let head = 0; head < queue.length; head++) {
    const i = queue[head];
    for (const link of model.linksAt(i)) {
      const other = model.across(link, i);
      if (!seen.link[link] || other === from || came[other] >= 0) continue;
      came[other] = link;
      if (other === to) return unwound(model, came, from, to);
      queue.push(other);
    }
  }
  return null;
}

function unwound(model, came, from, to) {
  const path = [];
  for (let i = to; i !== from; i = model.across(path[0], i)) path.unshift(came[i]);
  return path;
}
