// How sigma draws nodes: all shapes in one program, so that 20,000 nodes are one call.
import { NodeProgram } from "sigma/rendering";
import { floatColor } from "sigma/utils";
import { SHAPES } from "./marks.js";

const VERTEX = `
attribute vec4 a_id;
attribute vec4 a_color;
attribute vec2 a_position;
attribute float a_size;
attribute vec3 a_shape;
attribute float a_angle;

uniform mat3 u_matrix;
uniform float u_sizeRatio;
uniform float u_correctionRatio;

varying vec4 v_color;
varying vec2 v_place;
varying vec3 v_shape;
varying float v_pixel;

const float bias = 255.0 / 254.0;

void main() {
  float radius = a_size * u_correctionRatio / u_sizeRatio * 2.0;
  vec2 corner = 3.0 * vec2(cos(a_angle), sin(a_angle));
  gl_Position = vec4((u_matrix * vec3(a_position + radius * corner, 1)).xy, 0, 1);
  v_place = corner;
  v_shape = a_shape;
  v_pixel = u_correctionRatio * 2.0 / radius;
  #ifdef PICKING_MODE
  v_color = a_id;
  #else
  v_color = a_color;
  #endif
  v_color.a *= bias;
}
`;

// A regular polygon is folded onto one of its sides; 0 corners are a circle.
const FRAGMENT = `
precision highp float;

varying vec4 v_color;
varying vec2 v_place;
varying vec3 v_shape;
varying float v_pixel;

const float TURN = 6.2831853;

float outside(vec2 place) {
  if (v_shape.x < 0.5) return length(place) - 1.0;
  float side = TURN / v_shape.x;
  float angle = atan(place.x, place.y) - v_shape.y;
  float folded = mod(angle + 0.5 * side, side) - 0.5 * side;
  // "folded" is 0 at a corner; sides are half a step from it.
  float toSide = 0.5 * side - abs(folded);
  return length(place) * cos(toSide) - v_shape.z * cos(0.5 * side);
}

void main(void) {
  float distance = outside(v_place);
  #ifdef PICKING_MODE
  gl_FragColor = distance > 0.35 ? vec4(0.0) : v_color;
  #else
  gl_FragColor = v_color * (1.0 - smoothstep(-v_pixel, 0.0, distance));
  #endif
}
`;

const { FLOAT, UNSIGNED_BYTE, TRIANGLES } = WebGLRenderingContext;

/** Draws a node as the shape that its `shape` attribute names. */
export class ShapeProgram extends NodeProgram {
  getDefinition() {
    return {
      VERTICES: 3,
      VERTEX_SHADER_SOURCE: VERTEX,
      FRAGMENT_SHADER_SOURCE: FRAGMENT,
      METHOD: TRIANGLES,
      UNIFORMS: ["u_sizeRatio", "u_correctionRatio", "u_matrix"],
      ATTRIBUTES: [
        { name: "a_position", size: 2, type: FLOAT },
        { name: "a_size", size: 1, type: FLOAT },
        { name: "a_color", size: 4, type: UNSIGNED_BYTE, normalized: true },
        { name: "a_id", size: 4, type: UNSIGNED_BYTE, normalized: true },
        { name: "a_shape", size: 3, type: FLOAT },
      ],
      CONSTANT_ATTRIBUTES: [{ name: "a_angle", size: 1, type: FLOAT }],
      CONSTANT_DATA: [[0], [(2 * Math.PI) / 3], [(4 * Math.PI) / 3]],
    };
  }

  processVisibleItem(nodeIndex, startIndex, data) {
    const { corners, turn, grow } = SHAPES[data.shape];
    this.array.set([data.x, data.y, data.size, floatColor(data.color), nodeIndex, corners, turn, grow], startIndex);
  }

  setUniforms({ correctionRatio, sizeRatio, matrix }, { gl, uniformLocations }) {
    gl.uniform1f(uniformLocations.u_correctionRatio, correctionRatio);
    gl.uniform1f(uniformLocations.u_sizeRatio, sizeRatio);
    gl.uniformMatrix3fv(uniformLocations.u_matrix, false, matrix);
  }
}
