/* The head where a browser has no WebGL: triangles one over the other, the farthest first, each in one colour. */

const LAMPS = [[0.5, 0.6, 1.0, 0.72], [-0.8, 0.2, 0.7, 0.38], [0.0, -0.6, 0.8, 0.15]].map(([x, y, z, strength]) =>
  [x, y, z].map((value) => (strength * value) / Math.hypot(x, y, z))); // as in head.js' shader

class Painter {
  constructor(canvas, model) {
    Object.assign(this, { pen: canvas.getContext("2d"), model });
  }

  /* Vertices, their normals, and what each moves by in mm, of the finer mesh; colours end at `limit` mm. */
  take(points, normals, moved, limit) {
    Object.assign(this, { points, normals });
    const share = moved.map((mm) => Math.min(mm / limit, 1));
    this.paint = new Float32Array(points.length);
    for (let v = 0; v < moved.length; v++) this.paint.set(this.colour(v, share[v]), 3 * v);
  }

  colour(v, share) {
    const { tint, iris, irisColour, heat } = this.model;
    const radius = Math.hypot(iris[2 * v], iris[2 * v + 1]);
    if (radius < 1) return radius < 0.42 ? [0.03, 0.03, 0.03] : irisColour;
    const base = [0, 1, 2].map((k) => tint[3 * v + k] / 255);
    if (radius < 40) return base; // eyes keep their own colours
    const low = Math.min(Math.floor(15 * share), 14);
    const lightness = Math.min((0.3 * base[0] + 0.5 * base[1] + 0.2 * base[2]) / 0.8, 1);
    const fade = Math.min(share / 0.1, 1);
    return base.map((value, k) => {
      const hot = heat[low][k] + (heat[low + 1][k] - heat[low][k]) * (15 * share - low);
      return value * (1 - fade) + hot * (0.15 + 0.85 * lightness) * fade;
    });
  }

  /* Turned by the rows of a matrix about `centre`, seen from `away` mm. */
  draw(rows, centre, away, reach) {
    const { pen, points, model: { faces } } = this;
    const { width, height } = pen.canvas;
    const count = points.length / 3;
    const [across, down, depth, light] = Array.from({ length: 4 }, () => new Float32Array(count));
    for (let v = 0; v < count; v++) {
      const [x, y, z] = rows.map((row) => row[0] * (points[3 * v] - centre[0]) + row[1] * (points[3 * v + 1] - centre[1]) + row[2] * (points[3 * v + 2] - centre[2]));
      depth[v] = away - z;
      const scale = (reach * height) / 2 / depth[v];
      [across[v], down[v]] = [width / 2 + x * scale, height / 2 - y * scale];
      light[v] = this.lit(v, rows);
    }
    pen.clearRect(0, 0, width, height);
    for (const [a, b, c] of this.fromBehind(faces, across, down, depth)) {
      const ink = [0, 1, 2].map((k) => Math.round(85 * [a, b, c].reduce((sum, v) => sum + this.paint[3 * v + k] * light[v], 0)));
      pen.fillStyle = pen.strokeStyle = `rgb(${ink.join(" ")})`;
      pen.beginPath();
      for (const v of [a, b, c]) pen.lineTo(across[v], down[v]);
      pen.closePath();
      pen.fill();
      pen.stroke(); // or the ground shines through between two triangles
    }
  }

  lit(v, rows) {
    const normal = this.normals.subarray(3 * v, 3 * v + 3);
    const length = Math.hypot(...normal) || 1;
    const seen = rows.map((row) => (row[0] * normal[0] + row[1] * normal[1] + row[2] * normal[2]) / length);
    return LAMPS.reduce((sum, lamp) => sum + Math.max(lamp[0] * seen[0] + lamp[1] * seen[1] + lamp[2] * seen[2], 0), 0.16);
  }

  /* Triangles that face the viewer, the farthest first. */
  fromBehind(faces, across, down, depth) {
    const found = [];
    for (let f = 0; f < faces.length; f += 3) {
      const [a, b, c] = [faces[f], faces[f + 1], faces[f + 2]];
      const front = (across[b] - across[a]) * (down[c] - down[a]) < (across[c] - across[a]) * (down[b] - down[a]);
      if (front) found.push([a, b, c, depth[a] + depth[b] + depth[c]]);
    }
    return found.sort((one, other) => other[3] - one[3]);
  }
}
