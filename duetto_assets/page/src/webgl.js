// Imported before sigma, whose modules read constants of this class as they load, even where a browser has no WebGL.
globalThis.WebGLRenderingContext ??= class {};
globalThis.WebGL2RenderingContext ??= class {};

/** Say whether this browser can draw with WebGL at all. */
export function hasWebGL() {
  const canvas = document.createElement("canvas");
  return Boolean(canvas.getContext("webgl2") ?? canvas.getContext("webgl"));
}
