// The same nodes as a table: for screen readers, for browsers without WebGL, and for sorting.
import { h, number, plural } from "./dom.js";
import { swatch } from "./marks.js";
import { words } from "./model.js";

const PAGE = 100;

const COLUMNS = [
  { name: "Title", text: (model, i) => model.title(i) },
  { name: "Type", text: (model, i) => model.nodes[i].type },
  { name: "Partition", text: (model, i) => model.nodes[i].partition ?? "" },
  { name: "Community", text: (model, i) => model.communities[model.nodes[i].community]?.name ?? "" },
  { name: "Links", value: (_model, i, degrees) => degrees[i] },
  { name: "Centrality", value: (model, i) => model.nodes[i].centrality },
];

/** Lists what the filters let through, whatever the level of detail. */
export class Table {
  constructor(element, model, state, select) {
    Object.assign(this, { element, model, state, select, column: 5, down: true, page: 0 });
    this.find = h("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows", oninput: () => this.changed() });
    this.count = h("span", { role: "status" });
    this.heads = COLUMNS.map(({ name }, column) => h("th", { scope: "col" }, h("button", { type: "button", onclick: () => this.sort(column) }, name)));
    this.body = h("tbody");
    this.before = h("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.after = h("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    this.place = h("span", { role: "status" });
    element.append(
      h("div", { class: "bar" }, this.find, this.count),
      h("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Nodes" },
        h("table", {}, h("caption", { class: "unseen" }, "All nodes that the filters show"), h("thead", {}, h("tr", {}, this.heads)), this.body)),
      h("div", { class: "bar" }, this.before, this.place, this.after));
  }

  show(seen) {
    this.seen = seen;
    this.degrees = new Int32Array(this.model.nodes.length);
    this.model.links.forEach((_, e) => {
      if (!seen.link[e]) return;
      this.degrees[this.model.source[e]]++;
      this.degrees[this.model.target[e]]++;
    });
    this.changed();
  }

  sort(column) {
    this.down = column === this.column ? !this.down : Boolean(COLUMNS[column].value);
    this.column = column;
    this.changed();
  }

  turn(by) {
    this.page += by;
    this.draw();
    this.body.parentElement.parentElement.scrollTop = 0;
  }

  changed() {
    const { model, degrees } = this;
    const asked = this.find.value.trim().toLowerCase();
    const { text, value } = COLUMNS[this.column];
    const rows = model.nodes.map((_, i) => i).filter((i) => this.seen.node[i] && (!asked || model.title(i).toLowerCase().includes(asked)));
    const keys = new Map(rows.map((i) => [i, value ? value(model, i, degrees) : text(model, i).toLowerCase()]));
    const way = this.down ? -1 : 1;
    this.rows = rows.sort((a, b) => way * (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0) || a - b);
    this.page = 0;
    this.draw();
  }

  draw() {
    const pages = Math.max(1, Math.ceil(this.rows.length / PAGE));
    this.page = Math.min(Math.max(this.page, 0), pages - 1);
    this.body.replaceChildren(...this.rows.slice(this.page * PAGE, (this.page + 1) * PAGE).map((i) => this.row(i)));
    this.heads.forEach((head, k) => head.setAttribute("aria-sort", k !== this.column ? "none" : this.down ? "descending" : "ascending"));
    this.count.textContent = `${plural(this.rows.length, "node")}`;
    this.place.textContent = `Page ${number(this.page + 1)} of ${number(pages)}`;
    this.before.disabled = this.page === 0;
    this.after.disabled = this.page === pages - 1;
  }

  row(i) {
    const { model } = this;
    const node = model.nodes[i];
    return h("tr", { "aria-current": i === this.state.node ? "true" : null },
      h("td", {}, h("button", { type: "button", class: "neighbour", onclick: () => this.select(i) }, swatch(node.type), h("bdi", {}, model.title(i)))),
      h("td", {}, words(node.type)),
      h("td", {}, h("bdi", {}, node.partition ?? "")),
      h("td", {}, h("bdi", {}, model.communities[node.community]?.name ?? "")),
      h("td", { class: "number" }, number(this.degrees[i])),
      h("td", { class: "number" }, (node.centrality ?? 0).toPrecision(2)));
  }
}
