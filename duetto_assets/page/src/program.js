// How sigma draws nodes: all shapes in one program, and one point for each node. Instances, by which sigma draws its own
// circles, take twenty times as long where a processor stands in for the graphics card.
import { NodeProgram } from "sigma/rendering";
import { floatColor } from "sigma/utils";
import { SHAPES } from "./marks.js";

const VERTEX = `
attribute vec4 a_id;
attribute vec4 a_color;
attribute vec2 a_position;
attribute float a_size;
attribute vec3 a_shape;

uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_pixelRatio;

varying vec4 v_color;
varying vec3 v_shape;
varying float v_radius;
varying float v_reach;

const float bias = 255.0 / 254.0;

void main() {
  v_radius = a_size / u_sizeRatio * u_pixelRatio;
  v_reach = v_radius * a_shape.z + 1.0;
  v_shape = a_shape;
  gl_Position = vec4((u_matrix * vec3(a_position, 1)).xy, 0, 1);
  gl_PointSize = 2.0 * v_reach;
  #ifdef PICKING_MODE
  v_color = a_id;
  #else
  v_color = a_color;
  #endif
  v_color.a *= bias;
}
`;

// A regular polygon is folded onto one of its sides; no corners are a circle.
const FRAGMENT = `
precision highp float;

varying vec4 v_color;
varying vec3 v_shape;
varying float v_radius;
varying float v_reach;

const float TURN = 6.2831853;

float outside(vec2 place) {
  if (v_shape.x < 0.5) return length(place) - v_radius;
  float side = TURN / v_shape.x;
  float folded = mod(atan(place.x, place.y) - v_shape.y + 0.5 * side, side) - 0.5 * side; // 0 at a corner
  return length(place) * cos(0.5 * side - abs(folded)) - v_radius * v_shape.z * cos(0.5 * side);
}

void main(void) {
  float distance = outside((2.0 * gl_PointCoord - 1.0) * vec2(v_reach, -v_reach));
  #ifdef PICKING_MODE
  gl_FragColor = distance > 1.0 ? vec4(0.0) : v_color;
  #else
  gl_FragColor = v_color * clamp(0.5 - distance, 0.0, 1.0);
  #endif
}
`;

const { FLOAT, UNSIGNED_BYTE, POINTS } = WebGLRenderingContext;

/** Draws a node as the shape that its `shape` attribute names. */
export class ShapeProgram extends NodeProgram {
  getDefinition() {
    return {
      VERTICES: 1,
      VERTEX_SHADER_SOURCE: VERTEX,
      FRAGMENT_SHADER_SOURCE: FRAGMENT,
      METHOD: POINTS,
      UNIFORMS: ["u_sizeRatio", "u_pixelRatio", "u_matrix"],
      ATTRIBUTES: [
        { name: "a_position", size: 2, type: FLOAT },
        { name: "a_size", size: 1, type: FLOAT },
        { name: "a_color", size: 4, type: UNSIGNED_BYTE, normalized: true },
        { name: "a_id", size: 4, type: UNSIGNED_BYTE, normalized: true },
        { name: "a_shape", size: 3, type: FLOAT },
      ],
    };
  }

  processVisibleItem(nodeIndex, startIndex, data) {
    const { corners, turn, grow } = SHAPES[data.shape];
    this.array.set([data.x, data.y, data.size, floatColor(data.color), nodeIndex, corners, turn, grow], startIndex);
  }

  setUniforms({ pixelRatio, sizeRatio, matrix }, { gl, uniformLocations }) {
    gl.uniform1f(uniformLocations.u_pixelRatio, pixelRatio);
    gl.uniform1f(uniformLocations.u_sizeRatio, sizeRatio);
    gl.uniformMatrix3fv(uniformLocations.u_matrix, false, matrix);
  }
}
