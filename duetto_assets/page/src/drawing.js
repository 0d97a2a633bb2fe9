// The picture on the screen: sigma draws all nodes and lines; a canvas on top draws what the person looks at.
import "./webgl.js";
import Graph from "graphology";
import Sigma from "sigma";
import { EdgeLineProgram, EdgeRectangleProgram } from "sigma/rendering";
import { breath } from "./dom.js";
import { communityColor, mark, trace } from "./marks.js";
import { ShapeProgram } from "./program.js";

const MANY_LINES = 3_000; // from here on they are thin, and hidden while the picture moves
const FEW_NODES = 60; // up to here all names are written
const LETTERED = 8; // pixels of radius from which on a node's letter can be read
const MAX_TOLD = 60; // neighbours whose names are written
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Draws pictures, and says what was pointed at and clicked. */
export class Drawing {
  constructor(container, model, theme, { onhover, onclick, onmiss }) {
    this.model = model;
    this.theme = theme;
    this.colour = "type";
    this.attention = null; // what the person looks at: { nodes, lines: [[a, b]], strong, named }
    this.hovered = -1;
    this.grown = 1;
    this.leaf = leafPixels(model, container);
    this.sigma = new Sigma(new Graph(), container, {
      allowInvalidContainer: true,
      nodeProgramClasses: { shape: ShapeProgram },
      edgeProgramClasses: { thin: EdgeLineProgram, line: EdgeRectangleProgram },
      defaultNodeType: "shape",
      labelFont: getComputedStyle(document.body).fontFamily,
      labelSize: 12,
      labelDensity: 0.7,
      labelGridCellSize: 110,
      labelRenderedSizeThreshold: Math.max(3, Math.min(5.5, 5 * this.leaf.size)),
      hideLabelsOnMove: false,
      stagePadding: 40,
      minCameraRatio: 0.002,
      maxCameraRatio: 4,
      minEdgeThickness: 0.8,
      zIndex: false,
      defaultDrawNodeLabel: (context, data) => this.write(context, data.label, data.x, data.y, data.size, data.mark),
      defaultDrawNodeHover: () => {},
    });
    this.sigma.setCustomBBox(extent(model));
    this.sigma.createCanvasContext("attention", { beforeLayer: "mouse", style: { pointerEvents: "none" } });
    this.sigma.resize(true);
    this.sigma.on("afterRender", () => this.drawAttention());
    this.sigma.on("enterNode", ({ node }) => onhover(Number(node)));
    this.sigma.on("leaveNode", () => onhover(-1));
    this.sigma.on("clickNode", ({ node }) => onclick(Number(node)));
    this.sigma.on("doubleClickNode", ({ node, preventSigmaDefault }) => {
      preventSigmaDefault();
      this.approach([Number(node)]);
    });
    this.sigma.on("clickStage", onmiss);
    new ResizeObserver(() => this.resize()).observe(container);
  }

  /** Follow the size of the page's middle, and keep what is seen where it is: a panel that opens must not move it. */
  resize() {
    const { sigma } = this;
    const container = sigma.getContainer();
    const { width, height } = sigma.getDimensions();
    if (!container.offsetWidth || (container.offsetWidth === width && container.offsetHeight === height)) return;
    const camera = sigma.getCamera();
    const corner = () => sigma.viewportToFramedGraph({ x: 0, y: 0 });
    const reach = () => sigma.viewportToFramedGraph({ x: 100, y: 0 }).x - corner().x;
    const before = corner();
    const scale = reach();
    sigma.resize();
    if (!camera.isAnimated()) {
      camera.setState({ ratio: (camera.ratio * scale) / reach() });
      const after = corner();
      camera.setState({ x: camera.x + before.x - after.x, y: camera.y + before.y - after.y });
    }
    sigma.refresh({ skipIndexation: true });
  }

  /** Show another picture. */
  show(drawn) {
    this.drawn = drawn;
    const { nodes } = this.model;
    const standing = drawn.stands.reduce((sum, each) => sum + each, 0);
    this.grown = Math.min(3, (nodes.length / (standing || 1)) ** 0.25);
    this.few = standing <= FEW_NODES;
    const graph = new Graph({ type: "undirected", allowSelfLoops: false });
    for (let i = 0; i < nodes.length; i++) if (drawn.stands[i]) graph.addNode(String(i), this.looks(i));
    const many = drawn.source.length > MANY_LINES;
    const color = this.lineColor();
    for (let line = 0; line < drawn.source.length; line++) {
      const size = many ? 1 : Math.min(5, 2 + 0.5 * Math.log2(drawn.weight[line]));
      graph.addEdge(String(drawn.source[line]), String(drawn.target[line]), { type: many ? "thin" : "line", size, color });
    }
    const draw = () => {
      if (this.drawn !== drawn) return; // the person was faster
      this.sigma.setSetting("hideEdgesOnMove", many);
      this.sigma.setGraph(graph);
    };
    if (many) breath().then(draw); // two short tasks instead of a long one
    else draw();
  }

  /** Colour anew: by type or by community, for a light or a dark page. */
  recolour(theme, colour) {
    this.theme = theme;
    this.colour = colour;
    const graph = this.sigma.getGraph();
    const color = this.lineColor();
    graph.updateEachNodeAttributes((key, attributes) => ({ ...attributes, color: this.color(Number(key)) }), { attributes: ["color"] });
    graph.updateEachEdgeAttributes((_key, attributes) => ({ ...attributes, color }), { attributes: ["color"] });
  }

  looks(i) {
    const node = this.model.nodes[i];
    const { shape } = mark(node.type);
    return { x: node.x, y: node.y, size: this.radius(i), label: this.model.names[i], color: this.color(i), shape, mark: i, forceLabel: this.few };
  }

  radius(i) {
    return this.leaf.size * this.grown * (1 + (this.model.nodes[i].size - 1) * this.leaf.growth);
  }

  color(i) {
    const node = this.model.nodes[i];
    return this.colour === "community" ? communityColor(node.community) : mark(node.type).color;
  }

  lineColor() {
    const count = this.drawn?.source.length ?? 0;
    const strength = Math.max(0.035, Math.min(0.6, (count > MANY_LINES ? 7 : 9) / Math.sqrt(count + 1)));
    const dimmed = this.theme === "dark" ? 0.6 * strength : strength;
    const light = this.theme === "dark" ? [160, 175, 200] : [80, 92, 115];
    // WebGL blends colours that are multiplied by their own opacity.
    return `rgba(${light.map((part) => Math.round(part * dimmed)).join()},${dimmed})`;
  }

  /** Look at some nodes and lines; all others fade. Null looks at everything. */
  attend(attention) {
    this.attention = attention;
    this.sigma.getContainer().classList.toggle("fading", attention !== null);
    this.drawAttention();
  }

  hover(i) {
    this.hovered = i;
    this.drawAttention();
  }

  drawAttention() {
    const { attention, sigma } = this;
    const context = sigma.getCanvases().attention.getContext("2d");
    const { width, height } = sigma.getDimensions();
    context.clearRect(0, 0, width, height);
    if (attention) this.drawNeighbourhood(context, attention);
    if (this.hovered >= 0) this.drawHovered(context);
  }

  drawNeighbourhood(context, { nodes, lines, strong, chain }) {
    const ink = this.theme === "dark" ? "#e6e9ef" : "#1c2330";
    const place = (i) => this.onScreen(i);
    context.lineCap = "round";
    context.strokeStyle = ink;
    context.globalAlpha = chain ? 0.9 : Math.max(0.12, Math.min(0.55, 30 / lines.length));
    context.lineWidth = chain ? 2.5 : 1.2;
    context.beginPath();
    for (const [a, b] of lines) {
      const from = place(a);
      const to = place(b);
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
    }
    context.stroke();
    context.globalAlpha = 1;
    for (const i of nodes) this.drawNode(context, i, place(i), strong.has(i) ? 2 : 0, ink);
    const told = [...nodes].sort((a, b) => strong.has(b) - strong.has(a) || this.model.nodes[b].size - this.model.nodes[a].size);
    this.writeApart(context, told.slice(0, MAX_TOLD), strong);
  }

  drawNode(context, i, { x, y }, rim, ink) {
    const radius = Math.max(this.sigma.scaleSize(this.radius(i)), 3 + rim);
    context.fillStyle = this.color(i);
    trace(context, mark(this.model.nodes[i].type).shape, x, y, radius);
    context.fill();
    if (!rim) return;
    context.strokeStyle = ink;
    context.lineWidth = rim;
    context.stroke();
  }

  /** Write names, but none over another. */
  writeApart(context, told, strong) {
    const taken = [];
    context.font = `12px ${this.sigma.getSetting("labelFont")}`;
    for (const i of told) {
      const { x, y } = this.onScreen(i);
      const radius = Math.max(this.sigma.scaleSize(this.radius(i)), 3);
      const text = shortened(this.model.names[i]);
      const box = [x, y - 8, x + radius + 8 + context.measureText(text).width, y + 8];
      if (!strong.has(i) && taken.some((other) => overlaps(box, other))) continue;
      taken.push(box);
      this.write(context, text, x, y, radius, i, strong.has(i));
    }
  }

  drawHovered(context) {
    const i = this.hovered;
    const place = this.onScreen(i);
    this.drawNode(context, i, place, 2, this.theme === "dark" ? "#fff" : "#111");
    const radius = Math.max(this.sigma.scaleSize(this.radius(i)), 5);
    const text = `${shortened(this.model.title(i), 60)} · ${this.model.nodes[i].type}`;
    context.font = `600 12px ${this.sigma.getSetting("labelFont")}`;
    const width = context.measureText(text).width;
    const left = Math.min(place.x + radius + 6, this.sigma.getDimensions().width - width - 18);
    context.fillStyle = this.theme === "dark" ? "#2a3140" : "#ffffff";
    context.strokeStyle = this.theme === "dark" ? "#4a5468" : "#c6ccd6";
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(left, place.y - 12, width + 12, 24, 6);
    context.fill();
    context.stroke();
    context.fillStyle = this.theme === "dark" ? "#f2f4f8" : "#1c2330";
    context.fillText(text, left + 6, place.y + 4);
  }

  write(context, label, x, y, radius, i, strong = false) {
    if (!label) return;
    const font = this.sigma.getSetting("labelFont");
    const { letter, shape } = mark(this.model.nodes[i].type);
    if (radius >= LETTERED && shape !== undefined) {
      context.font = `700 ${Math.round(radius)}px ${font}`;
      context.fillStyle = "rgba(10,14,22,0.8)";
      context.textAlign = "center";
      context.fillText(letter, x, y + radius * 0.36);
      context.textAlign = "left";
    }
    context.font = `${strong || radius >= LETTERED ? 600 : 400} 12px ${font}`;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = this.theme === "dark" ? "rgba(15,18,25,0.85)" : "rgba(255,255,255,0.9)";
    const text = shortened(label);
    const width = context.measureText(text).width;
    const right = x + radius + 4;
    const left = right + width > this.sigma.getDimensions().width ? x - radius - 4 - width : right;
    context.strokeText(text, left, y + 4);
    context.fillStyle = this.theme === "dark" ? "#e6e9ef" : "#1c2330";
    context.fillText(text, left, y + 4);
  }

  onScreen(i) {
    return this.sigma.graphToViewport(this.model.nodes[i]);
  }

  /** Move so that these nodes fill the picture; without any, all of it. */
  approach(nodes) {
    this.resize();
    if (!nodes.length) return this.go({ x: 0.5, y: 0.5, ratio: 1 }, 350);
    const now = { cameraState: this.sigma.getCamera().getState() }; // the last picture may be of an earlier one
    const places = nodes.map((i) => this.sigma.viewportToFramedGraph(this.sigma.graphToViewport(this.model.nodes[i], now), now));
    const [left, right] = range(places.map(({ x }) => x));
    const [low, high] = range(places.map(({ y }) => y));
    const ratio = Math.min(1, Math.max(1.4 * (right - left), 1.4 * (high - low), this.closest()));
    this.go({ x: (left + right) / 2, y: (low + high) / 2, ratio }, 350);
  }

  go(state, duration) {
    const camera = this.sigma.getCamera();
    if (still.matches) camera.setState(state);
    else camera.animate(state, { duration });
  }

  /** A ratio at which neighbours can be told apart. */
  closest() {
    return Math.min(0.6, 4 / Math.sqrt(this.model.nodes.length + 1));
  }

  zoom(factor) {
    const camera = this.sigma.getCamera();
    this.go({ ratio: camera.getBoundedRatio(camera.ratio / factor) }, 150);
  }

  /** Whether a node is on the screen, and not at its rim. */
  sees(i) {
    const { x, y } = this.onScreen(i);
    const { offsetWidth, offsetHeight } = this.sigma.getContainer();
    return x > 20 && y > 20 && x < offsetWidth - 20 && y < offsetHeight - 20;
  }
}

const overlaps = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

const shortened = (text, most = 40) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function range(values) {
  return [Math.min(...values), Math.max(...values)];
}

/** The whole graph's frame, so that filters do not move what stays. */
function extent(model) {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of model.nodes) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  if (!(right - left > 1) || !(high - low > 1)) [left, right, low, high] = [left - 1, right + 1, low - 1, high + 1];
  return { x: [left, right], y: [low, high] };
}

/** How many pixels a leaf has, and how much larger the others are: dots neither cover each other nor get lost. */
function leafPixels(model, container) {
  const { x, y } = extent(model);
  const pixels = Math.min(container.offsetWidth || 800, container.offsetHeight || 600) - 80;
  const apart = (1.8 * pixels) / Math.max(x[1] - x[0], y[1] - y[0], 1);
  return { size: Math.max(0.7, Math.min(7, 0.8 * Math.sqrt(apart), 0.4 * apart)), growth: Math.max(0.3, Math.min(0.9, 3 / apart)) };
}
