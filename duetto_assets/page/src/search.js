// Finding nodes by what people call them, and the box that completes names as they are typed.
import { h, plural } from "./dom.js";
import { swatch } from "./marks.js";
import { words } from "./model.js";

const MOST = 12;

/** Finds nodes by title, name, path and id. */
export class Finder {
  constructor(model) {
    this.model = model;
    this.names = model.names.map(plain);
    this.texts = model.nodes.map((node, i) => plain(`${model.names[i]}\n${node.title ?? ""}\n${node.path ?? ""}\n${node.id}`));
    this.order = model.nodes.map((_, i) => i).sort((a, b) => model.nodes[b].centrality - model.nodes[a].centrality);
  }

  /** Return the best nodes first: by name before title, path or id; by whole before parts; the central before others. */
  find(query, most = MOST) {
    const parts = plain(query).split(/\s+/).filter(Boolean);
    if (!parts.length) return [];
    const ranked = [[], [], [], [], []];
    for (const i of this.order) {
      const text = this.texts[i];
      if (parts.every((part) => text.includes(part))) ranked[rank(this.names[i], parts)].push(i);
      if (ranked[0].length >= most) break;
    }
    return ranked.flat().slice(0, most);
  }
}

function rank(name, parts) {
  const whole = parts.join(" ");
  if (name === whole) return 0;
  if (name.startsWith(whole)) return 1;
  if (!parts.every((part) => name.includes(part))) return 4;
  return /[^\p{L}\p{N}]/u.test(name[name.indexOf(parts[0]) - 1] ?? " ") ? 2 : 3;
}

const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "");

let boxes = 0;

/** A box with completion, after the combobox pattern of ARIA. Calls `choose` with a node, or with -1 when it is emptied. */
export class Box {
  constructor(finder, { label, placeholder, choose }) {
    const id = `box-${++boxes}`;
    this.finder = finder;
    this.choose = choose;
    this.found = [];
    this.active = -1;
    this.list = h("ul", { id: `${id}-list`, role: "listbox", "aria-label": `${label}: suggestions`, class: "suggestions", hidden: true });
    this.input = h("input", {
      id, type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", placeholder, "aria-label": label,
      "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${id}-list`,
      oninput: () => this.suggest(),
      onkeydown: (event) => this.key(event),
      onfocus: () => this.input.value && this.input.value !== this.shownAs && this.suggest(),
      onblur: () => this.close(),
    });
    this.status = h("span", { role: "status", class: "unseen" });
    this.element = h("div", { class: "box" }, this.input, this.list, this.status);
  }

  /** Show a node as chosen; -1 empties the box. */
  show(i) {
    this.shownAs = i < 0 ? "" : this.finder.model.title(i);
    this.input.value = this.shownAs;
  }

  suggest() {
    const { model } = this.finder;
    if (!this.input.value.trim()) {
      this.close();
      this.shownAs = "";
      this.choose(-1);
      return;
    }
    this.found = this.finder.find(this.input.value);
    this.active = this.found.length ? 0 : -1;
    this.list.replaceChildren(...this.found.map((i, place) => {
      const node = model.nodes[i];
      return h("li", {
        id: `${this.list.id}-${place}`, role: "option", "aria-selected": String(place === 0),
        onpointerdown: (event) => event.preventDefault(),
        onclick: () => this.take(place),
      }, swatch(node.type), h("span", { class: "what" }, h("bdi", {}, model.title(i)), h("small", {}, where(node))));
    }));
    if (!this.found.length) this.list.append(h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "none" }, "Nothing has that name."));
    this.status.textContent = plural(this.found.length, "suggestion");
    this.open();
    this.point();
  }

  key(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return this.suggest();
      const count = this.found.length;
      if (count) this.active = (this.active + (event.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.point();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (open && this.active >= 0) this.take(this.active);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (open) this.close();
      else this.input.blur();
    }
  }

  take(place) {
    const i = this.found[place];
    this.show(i);
    this.close();
    this.choose(i);
  }

  point() {
    for (const [place, item] of [...this.list.children].entries()) {
      item.setAttribute("aria-selected", String(place === this.active));
      if (place === this.active) item.scrollIntoView({ block: "nearest" });
    }
    if (this.active >= 0) this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.active}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  open() {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

/** "method · acme/api" */
export const where = (node) => [words(node.type), node.partition].filter(Boolean).join(" · ");
