/* The strip of tokens over time, and under it the curves of chosen movements in mm; a click or a key goes to a frame. */

const INKS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7"]; // told apart by the colour-blind
const CURVE_ENDS_MM = [0.5, 1, 2, 3, 5, 10, 15, 20, 30, 40, 60];

class Timeline {
  /* `go` is called with a frame. The parts of the page are found by their names. */
  constructor(rows, data, go) {
    const [strip, bands, curves, cursor, tip, span] = ["strip", "bands", "curves", "cursor", "tip", "span"].map((id) => document.getElementById(id));
    Object.assign(this, { rows, data, go, strip, bands, curves, cursor, tip, span, channels: [], drawn: "", shown: 0 });
    this.counts = new Int32Array(data.names.length);
    strip.setAttribute("aria-valuemax", rows.count - 1);
    span.addEventListener("input", () => this.place(this.shown));
    new ResizeObserver(() => this.place(this.shown)).observe(strip);
    this.listen();
  }

  /* First and last second that the strip shows: all, or a stretch around the current frame. */
  stretch() {
    const { rows } = this;
    const [first, last] = [rows.times[0] ?? 0, rows.count ? rows.end(rows.count - 1) : 1];
    const span = Number(this.span.value);
    if (!span || last - first <= span) return [first, last];
    const from = Math.max(first, Math.min(last - span, rows.times[this.shown] - span / 2));
    return [from, from + span];
  }

  /* Marks a frame; paints where something else is to be seen. */
  place(shown) {
    this.shown = shown;
    const { rows, strip } = this;
    const [from, to] = this.stretch();
    const key = [from, to, strip.clientWidth, ...this.channels].join();
    if (key !== this.drawn) this.paint(from, to);
    this.drawn = key;
    this.cursor.style.left = `${(100 * (rows.times[shown] + rows.end(shown) - 2 * from)) / 2 / (to - from)}%`;
  }

  repaint() {
    this.drawn = "";
    this.place(this.shown);
  }

  /* Draws these channels as curves. */
  draw(channels) {
    this.channels = channels;
    this.curves.hidden = !channels.length;
    document.getElementById("height").hidden = !channels.length;
    this.repaint();
  }

  paint(from, to) {
    const dots = Math.min(window.devicePixelRatio || 1, 2);
    const frames = this.columns(from, to, fresh(this.bands, dots).canvas.width);
    this.paintBands(frames, dots);
    if (this.channels.length) this.paintCurves(this.columns(from, to, fresh(this.curves, dots).canvas.width), dots);
  }

  /* First and last frame of each dot of a width. */
  columns(from, to, dots) {
    const edges = Array.from({ length: dots + 1 }, (_, x) => this.rows.frameAt(from + (x / dots) * (to - from)));
    return edges.slice(0, -1).map((first, x) => [first, Math.max(first, edges[x + 1] - 1)]);
  }

  /* A dot has the colour of the token that most of its frames have. */
  paintBands(frames, dots) {
    const { bands, rows, data } = this;
    const pen = bands.getContext("2d");
    const tall = bands.height / rows.stages;
    frames.forEach(([first, last], x) => {
      for (let stage = 0; stage < rows.stages; stage++) {
        const token = this.commonest(first, last, stage);
        if (token < 0) continue;
        const [red, green, blue, opacity] = data.colours[token];
        pen.fillStyle = `rgb(${red} ${green} ${blue} / ${opacity})`;
        pen.fillRect(x, stage * tall, 1, tall - dots);
      }
    });
  }

  /* -1 where most frames show no face. */
  commonest(first, last, stage) {
    const { rows, counts } = this;
    if (first === last) return rows.valid(first) ? rows.token(first, stage) : -1;
    let [best, most, without] = [-1, 0, 0];
    for (let i = first; i <= last; i++) {
      if (!rows.valid(i)) without++;
      else if (++counts[rows.token(i, stage)] > most) [best, most] = [rows.token(i, stage), most + 1];
    }
    for (let i = first; i <= last; i++) if (rows.valid(i)) counts[rows.token(i, stage)] = 0;
    return without > most ? -1 : best;
  }

  /* The largest value of the frames of each dot, so that a short movement in a long clip is seen. */
  paintCurves(frames, dots) {
    const { curves, data } = this;
    const pen = curves.getContext("2d");
    const values = this.channels.map((channel) => frames.map(([first, last]) => data.sizes[channel] * this.rows.largest(channel, first, last)));
    const most = Math.max(...values.map((row) => row.reduce((a, b) => Math.max(a, b), 0)));
    const limit = CURVE_ENDS_MM.find((end) => end >= most) ?? CURVE_ENDS_MM.at(-1);
    document.getElementById("height").textContent = `${limit} mm`;
    values.forEach((row, ink) => {
      Object.assign(pen, { strokeStyle: INKS[ink], lineWidth: 2 * dots });
      pen.beginPath();
      row.forEach((value, x) => pen.lineTo(x, dots + (curves.height - 2 * dots) * (1 - Math.min(value / limit, 1))));
      pen.stroke();
    });
  }

  under(event) {
    const box = this.strip.getBoundingClientRect();
    const [from, to] = this.stretch();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    const stage = Math.floor(((event.clientY - box.top) / this.bands.clientHeight) * this.rows.stages); // below the last: the curves
    return { i: this.rows.frameAt(from + share * (to - from) - 0.002), stage: Math.max(0, stage), share };
  }

  hint(event) {
    const { rows, data, tip } = this;
    const { i, stage, share } = this.under(event);
    tip.hidden = stage >= rows.stages;
    if (tip.hidden) return;
    const at = rows.valid(i) ? rows.token(i, stage) : -1;
    const said = at >= 0 && data.colours[at][3] > 0 ? `token ${data.labels[at]}: ${data.names[at]}` : "nothing more";
    tip.textContent = `${rows.times[i].toFixed(2)} s · ${at < 0 ? "no face" : `Stage ${stage}, ${said}`}`;
    Object.assign(tip.style, share < 0.5 ? { left: `${100 * share}%`, right: "auto" } : { left: "auto", right: `${100 * (1 - share)}%` });
  }

  listen() {
    const { strip, rows } = this;
    let held = false;
    strip.addEventListener("pointerdown", (event) => {
      held = true;
      strip.setPointerCapture(event.pointerId);
      this.go(this.under(event).i);
    });
    strip.addEventListener("pointermove", (event) => {
      this.hint(event);
      if (held) this.go(this.under(event).i);
    });
    for (const name of ["pointerup", "pointercancel"]) strip.addEventListener(name, () => (held = false));
    strip.addEventListener("pointerleave", () => (this.tip.hidden = true));
    strip.addEventListener("keydown", (event) => {
      const second = Math.max(1, Math.round(1 / rows.step));
      const ways = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: second, PageUp: -second, Home: -rows.count, End: rows.count };
      if (!(event.key in ways)) return;
      this.go(this.shown + ways[event.key]);
      event.preventDefault();
    });
  }
}

/* A pen for a canvas, emptied and as fine as the screen. */
function fresh(canvas, dots) {
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * dots));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * dots));
  return canvas.getContext("2d");
}
