/* The rows of a clip: times and tokens of all frames at once, the rest in pieces that are read when they are looked at. */

class Piece {
  constructor(packed) {
    this.said = new Uint16Array(bytesOf(packed.said));
    this.faces = unpacked(packed.faces);
    this.words = packed.words;
    for (const name of ["error", "turn"]) this[name] = packed[name] && unpacked(packed[name]);
    for (const name of ["psi", "units"]) this[name] = packed[name] && unpackedBytes(packed[name]);
    this.place = packed.place?.map(unpacked); // rotation, translation and scale of the fitted head
  }
}

class ClipRows {
  /* `arrived` is called when a piece has been read that was asked for. */
  constructor(data, arrived) {
    Object.assign(this, { data, arrived, asked: new Set(), recent: [] });
    this.times = Float64Array.from(new Int32Array(bytesOf(data.times)), (ticks) => ticks * data.tick);
    this.count = this.times.length;
    this.known = new Uint8Array(bytesOf(data.valid));
    const bytes = bytesOf(data.tokens);
    this.tokens = data.wide ? new Uint16Array(bytes) : new Uint8Array(bytes);
    this.stages = data.books.length;
    this.step = this.count > 1 ? (this.times[this.count - 1] - this.times[0]) / (this.count - 1) : 0.04;
    this.pieces = new Map((data.pieces ?? []).map((packed, number) => [number, new Piece(packed)]));
    this.overview = data.overview && new Uint8Array(bytesOf(data.overview.bytes));
    window.rowsArrived = (number, packed) => this.take(number, packed);
  }

  valid(i) {
    return Boolean((this.known[i >> 3] >> (i & 7)) & 1);
  }

  end(i) {
    return this.times[i + 1] ?? this.times[i] + this.step;
  }

  /* Number of a token among the names and colours: with separate codebooks each stage has its own. */
  token(i, stage) {
    return this.tokens[i * this.stages + stage] + this.data.books[stage];
  }

  frameAt(seconds) {
    const SAME = 0.002; // browsers and files round times differently
    let [low, high] = [0, this.count - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.times[middle] <= seconds + SAME) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /* The piece that a frame is in and its row there; null while it is being read. */
  at(i) {
    const number = Math.floor(i / this.data.piece);
    const piece = this.pieces.get(number);
    if (piece) {
      this.touch(number);
      return { piece, row: i - number * this.data.piece };
    }
    this.ask(number);
    return null;
  }

  /* Is the piece that a frame is in there? Asked for, it comes later. */
  here(i) {
    return this.at(i) !== null;
  }

  ask(number) {
    if (this.data.pieces || this.asked.has(number) || number * this.data.piece >= this.count) return;
    this.asked.add(number);
    const script = document.createElement("script");
    script.src = `rows/${number}.js`;
    script.onload = script.onerror = () => script.remove();
    document.head.append(script);
  }

  take(number, packed) {
    this.pieces.set(number, new Piece(packed));
    this.touch(number);
    this.arrived(number);
  }

  /* Of a long clip the last few pieces are kept. */
  touch(number) {
    const KEPT = 6;
    if (this.data.pieces || this.recent.at(-1) === number) return;
    this.recent = [...this.recent.filter((each) => each !== number), number];
    for (const old of this.recent.splice(0, Math.max(0, this.recent.length - KEPT))) {
      this.pieces.delete(old);
      this.asked.delete(old);
    }
  }

  /* The strength of a channel, a share of its full one, in a frame whose piece is there. */
  strength(channel, { piece, row }) {
    const units = this.data.channels.length - this.data.head.names.length;
    if (channel < units) return piece.units ? piece.units[row * units + channel] / 5 : 0;
    const width = this.data.head.names.length;
    return piece.psi ? piece.psi[row * width + channel - units] : 0;
  }

  /* The largest strength of a channel from one frame to another: of the frames, or of the stretches that they are in. */
  largest(channel, first, last) {
    let most = 0;
    const { overview } = this;
    const bins = overview && this.data.overview.bins;
    if (!overview || (last - first < this.count / bins && this.here(first) && this.here(last))) {
      for (let i = first; i <= last; i++) if (this.valid(i)) most = Math.max(most, this.strength(channel, this.at(i)));
      return most;
    }
    const [from, to] = [first, last].map((i) => Math.floor((i * bins) / this.count));
    for (let bin = from; bin <= to; bin++) most = Math.max(most, overview[channel * bins + bin] / 255);
    return most;
  }

  /* Where a display comes next after frame i, having been away; from the beginning again after the last one. */
  next(i, shown) {
    const { count } = this;
    for (let k = 1; k <= count; k++) {
      const to = (i + k) % count;
      if (this.shows(to, shown) && (to === 0 || !this.shows(to - 1, shown))) return to;
    }
    return i;
  }

  shows(i, shown) {
    if (!this.valid(i)) return false;
    for (let stage = 0; stage < this.stages; stage++) {
      if (Math.floor(this.token(i, stage) / this.data.levels) === shown) return true;
    }
    return false;
  }
}
