/** Make an element. Text only ever becomes text nodes, never markup. */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** Make an element of an SVG. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A link to a source system, or plain text where the address is none that a browser should be sent to. */
export function outward(url, text) {
  if (!isWeb(url)) return h("bdi", {}, text);
  const link = h("a", { href: url, target: "_blank", rel: "noopener noreferrer", class: "outward" }, h("bdi", {}, text));
  link.append(h("span", { class: "unseen" }, " (opens in a new tab)"));
  return link;
}

export function isWeb(url) {
  try {
    return ["http:", "https:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

const counted = new Intl.NumberFormat("en");
export const number = (value) => counted.format(value);

/** "1 node", "2,000 nodes" */
export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Let the browser paint before the next piece of work. */
export const breath = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
