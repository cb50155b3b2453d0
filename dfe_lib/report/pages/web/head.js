"use strict";

/* The head of `packed_head`: a mesh that expressions move, drawn with WebGL 2 or else by `Painter`, turned by pointer and keyboard. */

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

function unpacked(packed) {
  return Float32Array.from(new Int16Array(bytesOf(packed.bytes)), (value) => value * packed.step);
}

function unpackedBytes(packed) {
  return Float32Array.from(new Uint8Array(bytesOf(packed.bytes)), (value) => packed.low + value * packed.step);
}

class HeadModel {
  constructor(packed) {
    this.names = packed.names;
    this.template = unpacked(packed.template);
    this.basis = packed.basis.map((each) => ({
      vertices: new Uint16Array(bytesOf(each.vertices)),
      values: unpacked(each),
    }));
    this.cut(new Uint16Array(bytesOf(packed.faces)));
    this.tint = new Uint8Array(bytesOf(packed.tint));
    this.iris = this.refined(unpacked(packed.iris), 2);
    this.irisColour = packed.irisColour;
    this.heat = packed.heat;
  }

  get count() {
    return this.template.length / 3;
  }

  /* Every triangle in four; new vertices in the order of their edges, as in rendering.subdivision. */
  cut(faces) {
    const count = this.count;
    const key = (a, b) => Math.min(a, b) * count + Math.max(a, b);
    const keys = new Float64Array(faces.length);
    for (let i = 0; i < faces.length; i += 3) {
      for (let k = 0; k < 3; k++) keys[i + k] = key(faces[i + k], faces[i + ((k + 1) % 3)]);
    }
    const edges = [...new Set(keys)].sort((a, b) => a - b);
    const place = new Map(edges.map((edge, i) => [edge, count + i]));
    this.edges = Uint32Array.from(edges.flatMap((edge) => [Math.floor(edge / count), edge % count]));
    this.faces = new Uint32Array(4 * faces.length);
    for (let i = 0; i < faces.length; i += 3) {
      const [a, b, c] = faces.subarray(i, i + 3);
      const [ab, bc, ca] = [0, 1, 2].map((k) => place.get(keys[i + k]));
      this.faces.set([a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca], 4 * i);
    }
  }

  /* Values of the vertices, then their means over the edges. */
  refined(values, width) {
    const fine = new Float32Array(values.length + (this.edges.length / 2) * width);
    fine.set(values);
    for (let e = 0, at = values.length; e < this.edges.length; e += 2) {
      const [a, b] = [this.edges[e] * width, this.edges[e + 1] * width];
      for (let k = 0; k < width; k++) fine[at++] = (values[a + k] + values[b + k]) / 2;
    }
    return fine;
  }

  /* What psi moves each vertex by, in mm. */
  displacement(psi) {
    const moved = new Float32Array(this.template.length);
    this.basis.forEach(({ vertices, values }, i) => {
      const amount = psi[i];
      if (!amount) return;
      for (let v = 0; v < vertices.length; v++) {
        for (let k = 0; k < 3; k++) moved[3 * vertices[v] + k] += amount * values[3 * v + k];
      }
    });
    return moved;
  }

  normals(points) {
    const normals = new Float32Array(points.length);
    for (let f = 0; f < this.faces.length; f += 3) {
      const [a, b, c] = [3 * this.faces[f], 3 * this.faces[f + 1], 3 * this.faces[f + 2]];
      const [ux, uy, uz] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
      const [vx, vy, vz] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
      const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
      for (const at of [a, b, c]) {
        normals[at] += nx;
        normals[at + 1] += ny;
        normals[at + 2] += nz;
      }
    }
    return normals;
  }
}

const VERTEX_SHADER = `#version 300 es
in vec3 point; in vec3 normal; in vec3 tint; in vec2 iris; in float moved;
uniform mat3 turn; uniform vec2 lens; uniform vec3 centre; uniform float away;
out vec3 facing; out vec3 paint; out vec2 eye; out float heat;
void main() {
  vec3 seen = turn * (point - centre);
  float depth = away - seen.z;
  gl_Position = vec4(seen.xy * lens, (depth - 500.0) / 800.0 * depth, depth);
  facing = turn * normal; paint = tint; eye = iris; heat = moved;
}`;

const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec3 facing; in vec3 paint; in vec2 eye; in float heat;
uniform vec3 stops[16]; uniform vec3 irisColour; uniform float limit;
out vec4 colour;
float lamp(vec3 normal, vec3 place, float strength) { return strength * max(dot(normal, normalize(place)), 0.0); }
void main() {
  vec3 normal = normalize(gl_FrontFacing ? facing : -facing);
  float radius = length(eye), edge = max(fwidth(radius), 0.02);
  vec3 base = mix(irisColour, paint, smoothstep(1.0 - edge, 1.0 + edge, radius));
  base = mix(vec3(0.03), base, smoothstep(0.42 - edge, 0.42 + edge, radius));
  float share = clamp(heat / limit, 0.0, 1.0) * 15.0;
  int low = min(int(share), 14);
  vec3 hot = mix(stops[low], stops[low + 1], share - float(low));
  float lightness = clamp(dot(base, vec3(0.3, 0.5, 0.2)) / 0.8, 0.0, 1.0);
  float fade = radius < 40.0 ? 0.0 : smoothstep(0.0, 0.1, heat / limit); // eyes keep their own colours
  base = mix(base, hot * mix(0.15, 1.0, lightness), fade);
  float light = 0.16 + lamp(normal, vec3(0.5, 0.6, 1.0), 0.72) + lamp(normal, vec3(-0.8, 0.2, 0.7), 0.38)
    + lamp(normal, vec3(0.0, -0.6, 0.8), 0.15);
  vec3 half_way = normalize(normalize(vec3(0.5, 0.6, 1.0)) + vec3(0.0, 0.0, 1.0));
  colour = vec4(base * light + 0.08 * pow(max(dot(normal, half_way), 0.0), 12.0), 1.0);
}`;

/* A program of two shaders; throws what the compiler says. */
function program(gl, ...sources) {
  const made = gl.createProgram();
  [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].forEach((kind, i) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, sources[i]);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  });
  gl.linkProgram(made);
  gl.useProgram(made);
  return made;
}

/* A browser may take the graphics away, and gives them back later. */
function recovering(canvas, lost, restored) {
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault(); // or it never comes back
    lost();
  });
  canvas.addEventListener("webglcontextrestored", restored);
}

const AWAY_MM = 900; // of the camera from the head

class HeadView {
  /* `turned` is called with (yaw, pitch) in degrees after the viewer has turned the head. */
  constructor(canvas, model, turned = () => {}) {
    Object.assign(this, { canvas, model, turned, yaw: -20, pitch: 4, roll: 0, zoom: 1, limit: 5, waiting: false });
    this.hint = document.getElementById(canvas.getAttribute("aria-describedby"));
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: true });
    this.listen();
    if (this.gl) {
      this.prepare();
      this.recover();
    } else {
      this.painter = new Painter(canvas, model);
      const said = " This browser offers no WebGL 2: the head is drawn more plainly.";
      if (!this.hint.textContent.endsWith(said)) this.hint.append(said); // two heads may share it
    }
    this.show(new Float32Array(model.basis.length));
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  /* Expression psi; colours tell its distance from the expression `rest`, up to `limit` mm. */
  show(psi, rest = psi, limit = this.limit) {
    const { model } = this;
    const away = model.displacement(psi.map((value, i) => value - rest[i]));
    this.moved = Float32Array.from({ length: model.count }, (_, v) => Math.hypot(...away.subarray(3 * v, 3 * v + 3)));
    this.most = this.moved.reduce((most, value) => Math.max(most, value), 0);
    this.points = model.displacement(psi).map((value, i) => value + model.template[i]);
    this.limit = limit;
    if (!this.gl?.isContextLost()) this.upload();
  }

  upload() {
    const { model } = this;
    const fine = model.refined(this.points, 3);
    const [normals, moved] = [model.normals(fine), model.refined(this.moved, 1)];
    if (this.gl) {
      this.fill("point", fine, 3);
      this.fill("normal", normals, 3);
      this.fill("moved", moved, 1);
    } else this.painter.take(fine, normals, moved, this.limit);
    this.redraw();
  }

  look(yaw, pitch, roll = 0) {
    this.yaw = ((yaw + 540) % 360) - 180;
    this.pitch = Math.max(-80, Math.min(80, pitch));
    this.roll = roll;
    this.turned(this.yaw, this.pitch);
    this.redraw();
  }

  scale(factor) {
    this.zoom = Math.max(0.6, Math.min(4, this.zoom * factor));
    this.redraw();
  }

  prepare() {
    const { gl, model } = this;
    this.program = program(gl, VERTEX_SHADER, FRAGMENT_SHADER);
    gl.enable(gl.DEPTH_TEST);
    this.buffers = {};
    this.fill("tint", model.tint, 3, gl.UNSIGNED_BYTE);
    this.fill("iris", model.iris, 2);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, model.faces, gl.STATIC_DRAW);
    gl.uniform3fv(this.place("stops"), model.heat.flat());
    gl.uniform3fv(this.place("irisColour"), model.irisColour);
    gl.uniform3fv(this.place("centre"), this.centre());
  }

  place(name) {
    return this.gl.getUniformLocation(this.program, name);
  }

  fill(name, values, width, kind = this.gl.FLOAT) {
    const { gl } = this;
    const at = gl.getAttribLocation(this.program, name);
    this.buffers[name] ??= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, width, kind, kind === gl.UNSIGNED_BYTE, 0, 0);
  }

  centre() {
    const middle = (axis) => {
      let [low, high] = [Infinity, -Infinity];
      for (let i = axis; i < this.model.template.length; i += 3) {
        low = Math.min(low, this.model.template[i]);
        high = Math.max(high, this.model.template[i]);
      }
      return (low + high) / 2;
    };
    return [0, 1, 2].map(middle);
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { gl, canvas } = this;
    if (gl?.isContextLost()) return;
    const dots = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.max(1, Math.round(size * dots)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const reach = 5.9 * this.zoom * Math.min(1, width / height / 0.8);
    if (!gl) return this.painter.draw(this.turn(), this.centre(), AWAY_MM, reach);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(this.place("turn"), true, this.turn().flat());
    gl.uniform2f(this.place("lens"), (reach * height) / width, reach);
    gl.uniform1f(this.place("away"), AWAY_MM);
    gl.uniform1f(this.place("limit"), this.limit);
    gl.drawElements(gl.TRIANGLES, this.model.faces.length, gl.UNSIGNED_INT, 0);
  }

  /* Rows of the head's rotation. */
  turn() {
    const [y, p, r] = [this.yaw, this.pitch, this.roll].map((degrees) => (degrees * Math.PI) / 180);
    const [cy, sy, cp, sp, cr, sr] = [y, p, r].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
    // yaw turns to the person's left, pitch nods down, roll tilts to the right shoulder; pitch after yaw, roll last
    const [a, b, c] = [[cy, 0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]];
    return [a.map((value, k) => cr * value - sr * b[k]), a.map((value, k) => sr * value + cr * b[k]), c];
  }

  recover() {
    const { canvas, hint } = this;
    const usual = hint.textContent;
    const lost = () => {
      hint.textContent = "The browser took the graphics away; the head comes back when it gives them back.";
      canvas.classList.add("without");
    };
    recovering(canvas, lost, () => {
      hint.textContent = usual;
      canvas.classList.remove("without");
      this.prepare();
      this.upload();
    });
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.held = [event.clientX, event.clientY];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.held) return;
      const [x, y] = this.held;
      this.held = [event.clientX, event.clientY];
      this.look(this.yaw + 0.5 * (event.clientX - x), this.pitch + 0.5 * (event.clientY - y));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.held = null));
    const keys = {
      ArrowLeft: () => this.look(this.yaw - 10, this.pitch),
      ArrowRight: () => this.look(this.yaw + 10, this.pitch),
      ArrowUp: () => this.look(this.yaw, this.pitch - 10),
      ArrowDown: () => this.look(this.yaw, this.pitch + 10),
      "+": () => this.scale(1.2),
      "=": () => this.scale(1.2),
      "-": () => this.scale(1 / 1.2),
      Home: () => this.look(0, 0),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
  }
}

/* Buttons of class `turns` around a head: data-yaw and data-pitch to look, data-zoom to scale. */
function wireTurns(holder, view) {
  holder.addEventListener("click", (event) => {
    const { yaw, pitch, zoom, by } = event.target.closest("button")?.dataset ?? {};
    if (zoom) view.scale(Number(zoom));
    else if (by) view.look(view.yaw, view.pitch + Number(by));
    else if (yaw) view.look(Number(yaw), Number(pitch));
  });
}

function gradient(stops) {
  const colours = stops.map((stop) => `rgb(${stop.map((value) => Math.round(255 * value)).join(" ")})`);
  return `linear-gradient(90deg, ${colours.join(", ")})`;
}

/* An element: el("p", {class: "hint"}, "text", child, ...). */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
