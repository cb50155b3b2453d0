/* The fitted mesh over the picture: its lines, where they are not hidden, coloured by what the face moves. */

const LINE_SHADER = `#version 300 es
in vec3 point; in float moved;
uniform mat3 turn; uniform vec3 shift; uniform vec2 picture;
out float heat;
void main() {
  vec3 seen = turn * point + shift; // pixels of the picture: x right, y up, z to the camera
  gl_Position = vec4(2.0 * seen.x / picture.x - 1.0, 2.0 * seen.y / picture.y + 1.0, -seen.z / (4.0 * picture.x), 1.0);
  heat = moved;
}`;

const LINE_COLOUR_SHADER = `#version 300 es
precision highp float;
in float heat;
uniform vec3 stops[16]; uniform float limit;
out vec4 colour;
void main() {
  float share = clamp(heat / limit, 0.0, 1.0) * 15.0;
  int low = min(int(share), 14);
  float opacity = 0.35 + 0.4 * smoothstep(0.0, 0.3, heat / limit);
  colour = vec4(mix(stops[low], stops[low + 1], share - float(low)) * opacity, opacity);
}`;

class Overlay {
  /* Over the pictures of `video`, whose pixels the table's are; `limit` as of the head's colours. */
  constructor(canvas, video, model, data) {
    Object.assign(this, { canvas, video, model, picture: data.picture, limit: data.limit, placed: null, waiting: false });
    const shape = unpacked(data.shape);
    this.rest = model.template.map((value, i) => value + shape[i]);
    this.triangles = new Uint16Array(bytesOf(data.mask));
    this.lines = this.edges();
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true });
    if (!this.gl) return;
    this.prepare();
    const seen = (there) => (canvas.style.visibility = there ? "" : "hidden"); // a lost canvas may hide the picture
    recovering(canvas, () => seen(false), () => {
      seen(true);
      this.prepare();
      this.redraw();
    });
    new ResizeObserver(() => this.redraw()).observe(video);
    video.addEventListener("loadedmetadata", () => this.redraw());
  }

  edges() {
    const found = new Set();
    for (let f = 0; f < this.triangles.length; f += 3) {
      for (let k = 0; k < 3; k++) {
        const [a, b] = [this.triangles[f + k], this.triangles[f + ((k + 1) % 3)]];
        found.add(Math.min(a, b) * 65536 + Math.max(a, b));
      }
    }
    return Uint16Array.from([...found].flatMap((edge) => [Math.floor(edge / 65536), edge % 65536]));
  }

  /* The head of expression psi, placed by (rotation, translation, scale); null for none. */
  show(psi, place) {
    this.placed = place;
    if (place) {
      const moved = this.model.displacement(psi);
      this.points = moved.map((value, i) => value + this.rest[i]);
      this.moved = Float32Array.from({ length: this.model.count }, (_, v) => Math.hypot(...moved.subarray(3 * v, 3 * v + 3)));
    }
    this.redraw();
  }

  /* Where the picture lies within the video's box, in CSS pixels: left, top, width, height. */
  box() {
    const { clientWidth, clientHeight } = this.video;
    const scale = Math.min(clientWidth / this.picture[0], clientHeight / this.picture[1]);
    const [width, height] = this.picture.map((side) => side * scale);
    return [(clientWidth - width) / 2, (clientHeight - height) / 2, width, height];
  }

  /* A point of the head's mesh in pixels of the picture: x right, y down. */
  pixel(vertex) {
    const [turn, shift, scale] = this.placed;
    const point = this.points.subarray(3 * vertex, 3 * vertex + 3);
    const [x, y] = [0, 1].map((row) => scale[0] * [0, 1, 2].reduce((sum, k) => sum + turn[3 * row + k] * point[k], 0) + shift[row]);
    return [x, -y];
  }

  prepare() {
    const { gl } = this;
    this.program = program(gl, LINE_SHADER, LINE_COLOUR_SHADER);
    this.buffers = { point: gl.createBuffer(), moved: gl.createBuffer(), triangles: gl.createBuffer(), lines: gl.createBuffer() };
    for (const name of ["triangles", "lines"]) {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers[name]);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this[name], gl.STATIC_DRAW);
    }
    gl.uniform3fv(gl.getUniformLocation(this.program, "stops"), this.model.heat.flat());
  }

  redraw() {
    if (!this.gl || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (!this.gl.isContextLost()) this.draw();
    });
  }

  draw() {
    const { gl, canvas } = this;
    const [left, top, width, height] = this.box();
    Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    const dots = Math.min(window.devicePixelRatio || 1, 2);
    const [wide, high] = [width, height].map((side) => Math.max(1, Math.round(side * dots)));
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    gl.viewport(0, 0, wide, high);
    gl.clearColor(0, 0, 0, 0);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.placed || canvas.hidden) return;
    this.fill("point", this.points, 3);
    this.fill("moved", this.moved, 1);
    this.aim();
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    this.element("triangles", gl.TRIANGLES); // what is in front, so that lines behind it stay hidden
    this.element("lines", gl.LINES);
  }

  aim() {
    const { gl } = this;
    const [turn, shift, scale] = this.placed;
    const at = (name) => gl.getUniformLocation(this.program, name);
    gl.uniformMatrix3fv(at("turn"), true, Array.from(turn, (value) => value * scale[0]));
    gl.uniform3f(at("shift"), shift[0], shift[1], 0);
    gl.uniform2f(at("picture"), ...this.picture);
    gl.uniform1f(at("limit"), this.limit);
  }

  fill(name, values, width) {
    const { gl } = this;
    const at = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, width, gl.FLOAT, false, 0, 0);
  }

  element(name, kind) {
    const { gl } = this;
    const depthOnly = kind === gl.TRIANGLES;
    gl.colorMask(!depthOnly, !depthOnly, !depthOnly, !depthOnly);
    if (depthOnly) gl.enable(gl.POLYGON_OFFSET_FILL);
    else gl.disable(gl.POLYGON_OFFSET_FILL);
    gl.polygonOffset(1, 1);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers[name]);
    gl.drawElements(kind, this[name].length, gl.UNSIGNED_SHORT, 0);
    gl.colorMask(true, true, true, true);
  }
}
