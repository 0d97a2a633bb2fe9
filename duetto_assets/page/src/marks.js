// How types look. Colours are Okabe and Ito's, which most colour-blind people can tell apart; every type has a shape and
// a letter, too, so that colour is never the only sign.
import { svg } from "./dom.js";

const SKY = "#56B4E9";
const BLUE = "#0072B2";
const GREEN = "#009E73";
const ORANGE = "#E69F00";
const RED = "#D55E00";
const PINK = "#CC79A7";
const YELLOW = "#D8C822"; // a little darker than theirs: on white, too, it must stand out
const GREY = "#8A8F98";

// Regular polygons: corners, and the turn of the first from the top. `grow` makes shapes of equal weight to the eye.
export const SHAPES = {
  circle: { corners: 0, turn: 0, grow: 1 },
  square: { corners: 4, turn: Math.PI / 4, grow: 1.22 },
  diamond: { corners: 4, turn: 0, grow: 1.22 },
  triangle: { corners: 3, turn: 0, grow: 1.4 },
  wedge: { corners: 3, turn: Math.PI, grow: 1.4 },
  pentagon: { corners: 5, turn: 0, grow: 1.14 },
  hexagon: { corners: 6, turn: 0, grow: 1.1 },
};

const MARKS = {
  organisation: [GREY, "hexagon", "O"],
  repository: [BLUE, "hexagon", "R"],
  space: [GREEN, "hexagon", "S"],
  project: [RED, "hexagon", "J"],
  directory: [SKY, "square", "D"],
  file: [SKY, "circle", "F"],
  commit: [GREY, "diamond", "K"],
  page: [GREEN, "square", "P"],
  issue: [RED, "circle", "I"],
  module: [PINK, "square", "M"],
  class: [PINK, "triangle", "C"],
  interface: [PINK, "wedge", "N"],
  trait: [PINK, "pentagon", "T"],
  struct: [PINK, "hexagon", "U"],
  enum: [PINK, "diamond", "E"],
  alias: [PINK, "circle", "A"],
  function: [ORANGE, "diamond", "f"],
  method: [ORANGE, "circle", "m"],
  package: [YELLOW, "square", "B"],
  person: [BLUE, "pentagon", "H"],
  team: [BLUE, "triangle", "G"],
  label: [YELLOW, "wedge", "L"],
};
const UNKNOWN = [GREY, "circle", "?"];

/** Return the colour, shape and letter of a type. */
export function mark(type) {
  const [color, shape, letter] = Object.hasOwn(MARKS, type) ? MARKS[type] : UNKNOWN;
  return { color, shape, letter };
}

const COMMUNITIES = [BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW];

/** Return the colour of a community: the largest have one each, the others share grey. */
export const communityColor = (id) => COMMUNITIES[id] ?? GREY;
export const COLOURED_COMMUNITIES = COMMUNITIES.length;

/** Return the corners of a shape of radius 1 round 0; none for a circle. */
export function corners(shape) {
  const { corners: count, turn, grow } = SHAPES[shape];
  return Array.from({ length: count }, (_, i) => {
    const angle = turn + (2 * Math.PI * i) / count;
    return [grow * Math.sin(angle), -grow * Math.cos(angle)];
  });
}

/** Draw a shape on a 2D canvas. */
export function trace(context, shape, x, y, radius) {
  context.beginPath();
  const points = corners(shape);
  if (!points.length) context.arc(x, y, radius, 0, 2 * Math.PI);
  for (const [dx, dy] of points) context.lineTo(x + dx * radius, y + dy * radius);
  context.closePath();
}

/** Return a picture of a type's mark, for legends and lists. */
export function swatch(type, color) {
  const { color: own, shape, letter } = mark(type);
  const points = corners(shape);
  const fill = { fill: color ?? own };
  const form = points.length
    ? svg("polygon", { points: points.map(([x, y]) => `${10 + 8 * x},${10 + 8 * y}`).join(" "), ...fill })
    : svg("circle", { cx: 10, cy: 10, r: 8, ...fill });
  const text = svg("text", { x: 10, y: shape === "triangle" ? 15 : shape === "wedge" ? 12 : 13.5, "text-anchor": "middle" }, letter);
  return svg("svg", { class: "swatch", viewBox: "-1 -1 22 22", "aria-hidden": "true" }, form, text);
}
