/* The clip player: video, head and strip show one frame. `window.viewer` tells which. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const [video, strip, bands] = ["video", "strip", "bands"].map(find);
  const { times } = data;
  const count = times.length;
  const step = count > 1 ? (times[count - 1] - times[0]) / (count - 1) : 0.04;
  const end = (i) => times[i + 1] ?? times[i] + step;
  const stages = data.books.length;
  const SAME_MS = 0.002; // browsers and files round times differently
  let shown = 0;

  const model = new HeadModel(data.head);
  const view = new HeadView(find("head"), model);
  const psi = unpacked(data.psi);
  const turn = data.turn && unpacked(data.turn); // yaw, pitch, roll of each frame
  const intensity = data.units && unpacked(data.intensity);
  const width = data.still.length;
  wireTurns(find("turns"), view);
  find("title").textContent = `${data.clip} and its tokens`;
  document.title = find("title").textContent;
  find("scale").style.background = gradient(model.heat);
  find("limit").textContent = `${data.limit} mm`;

  /* Number of a token among the names and colours: with separate codebooks each stage has its own. */
  const number = (i, stage) => data.tokens[i][stage] + data.books[stage];
  const colour = (token) => `rgb(${data.colours[token].slice(0, 3).join(" ")} / ${data.colours[token][3]})`;
  const moves = (token) => data.colours[token][3] > 0; // not the token that means nothing

  function frameAt(seconds) {
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (times[middle] <= seconds + SAME_MS) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /* ---- one frame ---- */

  const display = (at) => Math.floor(at / data.levels);
  const shows = (i, at) => Boolean(data.valid[i]) && data.tokens[i].some((_, stage) => display(number(i, stage)) === display(at));

  /* Where a display comes next after frame i, having been away; from the beginning again after the last one. */
  function next(i, at) {
    for (let k = 1; k <= count; k++) {
      const to = (i + k) % count;
      if (shows(to, at) && (to === 0 || !shows(to - 1, at))) return to;
    }
    return i;
  }

  function line(at) {
    const again = el("button", { type: "button", class: "next", onclick: () => go(next(shown, at)), "aria-label": `Next time of ${data.labels[at]}` }, "next");
    return el("li", {}, el("i", { style: `background: ${colour(at)}` }), `${data.labels[at]}: ${data.names[at]} `, again);
  }

  function pose(i) {
    if (turn && find("posed").checked) view.look(...turn.slice(3 * i, 3 * i + 3));
  }

  function show(i) {
    shown = i;
    const there = Boolean(data.valid[i]);
    find("head").style.visibility = there ? "visible" : "hidden";
    if (there) view.show(psi.slice(i * width, (i + 1) * width), data.still, data.limit);
    if (there) pose(i);
    find("words").textContent = there && data.words ? data.words[data.said[i]] : "";
    meter(i, there);
    find("most").textContent = there ? `moves at most ${view.most.toFixed(1)} mm` : "no face";
    const off = there && data.error[i] !== null ? `, ${data.error[i].toFixed(1)} mm from the fitted face` : "";
    find("frame").textContent = `Frame ${i} at ${times[i].toFixed(2)} s${there ? off : ": no face"}`;
    const said = there ? data.tokens[i].map((_, stage) => number(i, stage)).filter(moves) : [];
    find("tokens").replaceChildren(...said.map(line));
    if (there && !said.length) find("tokens").append(el("li", {}, "At rest: no token moves the face"));
    strip.setAttribute("aria-valuenow", i);
    strip.setAttribute("aria-valuetext", `${times[i].toFixed(2)} seconds, ${there ? `tokens ${said.map((at) => data.labels[at]).join(", ") || "at rest"}` : "no face"}`);
    place();
  }

  function go(i) {
    const to = Math.max(0, Math.min(count - 1, i));
    show(to);
    // the middle of the frame: its edge may round to the frame before
    video.currentTime = (times[to] + end(to)) / 2;
  }

  function follow(seconds) {
    const i = frameAt(seconds);
    if (i !== shown) show(i);
  }

  if (video.requestVideoFrameCallback) {
    const each = (_, frame) => {
      if (!video.seeking) follow(frame.mediaTime);
      video.requestVideoFrameCallback(each);
    };
    video.requestVideoFrameCallback(each);
  } else {
    video.addEventListener("timeupdate", () => follow(video.currentTime));
  }
  video.addEventListener("seeked", () => follow(video.currentTime));
  video.addEventListener("ended", () => follow(video.currentTime)); // its last picture may never have been presented
  video.addEventListener("error", () => {
    find("trouble").textContent = "This browser cannot play the clip; the strip and the head work without it.";
  });

  /* ---- action units ---- */

  const INKS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7"]; // told apart by the colour-blind
  const MOST = 5;
  const drawnUnits = []; // those that the strip shows over time, at most as many as there are inks
  const meters = (data.units ?? []).map((name, unit) => {
    const button = el("button", { type: "button", class: "unit", title: name, "aria-pressed": "false", onclick: () => toggle(unit) },
      el("span", {}, `AU${name}`), el("i"), el("output"));
    find("units").append(button);
    return button;
  });
  find("measured").hidden = !meters.length;

  function meter(i, there) {
    meters.forEach((button, unit) => {
      const value = there ? intensity[i * meters.length + unit] : 0;
      button.children[1].style.setProperty("--share", `${(100 * value) / MOST}%`);
      button.children[2].textContent = there ? value.toFixed(1) : "–";
    });
  }

  function toggle(unit) {
    const at = drawnUnits.indexOf(unit);
    if (at >= 0) drawnUnits.splice(at, 1);
    else drawnUnits.push(unit);
    if (drawnUnits.length > INKS.length) drawnUnits.shift();
    meters.forEach((button, each) => {
      const ink = drawnUnits.indexOf(each);
      button.setAttribute("aria-pressed", String(ink >= 0));
      button.style.borderColor = ink < 0 ? "" : INKS[ink];
    });
    find("curves").hidden = !drawnUnits.length;
    drawn = "";
    place();
  }

  /* The largest value of the frames of each dot, so that a short movement in a long clip is seen. */
  function curve(pen, unit, [from, to], height) {
    const dots = pen.canvas.width;
    pen.beginPath();
    for (let x = 0; x < dots; x++) {
      const [first, last] = [x, x + 1].map((edge) => frameAt(from + (edge / dots) * (to - from)));
      let value = 0;
      for (let i = first; i <= last; i++) if (data.valid[i]) value = Math.max(value, intensity[i * meters.length + unit]);
      pen.lineTo(x, height * (1 - Math.min(value / MOST, 1)));
    }
    pen.stroke();
  }

  /* ---- the strip ---- */

  /* First and last second that the strip shows: all, or a stretch around the current frame. */
  function stretch() {
    const [first, last] = [times[0] ?? 0, count ? end(count - 1) : 1];
    const span = Number(find("span").value);
    if (!span || last - first <= span) return [first, last];
    const from = Math.max(first, Math.min(last - span, times[shown] - span / 2));
    return [from, from + span];
  }

  let drawn = "";

  function place() {
    const [from, to] = stretch();
    const key = [from, to, strip.clientWidth].join();
    if (key !== drawn) paint(from, to);
    drawn = key;
    find("cursor").style.left = `${(100 * (times[shown] + end(shown) - 2 * from)) / 2 / (to - from)}%`;
  }

  /* A pen for a canvas of the strip, emptied and as fine as the screen. */
  function fresh(canvas, dots) {
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * dots));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * dots));
    return canvas.getContext("2d");
  }

  function paint(from, to) {
    const dots = Math.min(window.devicePixelRatio || 1, 2);
    const pen = fresh(bands, dots);
    const tall = bands.height / stages;
    const graph = fresh(find("curves"), dots);
    drawnUnits.forEach((unit, ink) => {
      Object.assign(graph, { strokeStyle: INKS[ink], lineWidth: 2 * dots });
      curve(graph, unit, [from, to], graph.canvas.height);
    });
    for (let x = 0; x < bands.width; x++) {
      const i = frameAt(from + ((x + 0.5) / bands.width) * (to - from));
      if (!data.valid[i]) continue;
      for (let stage = 0; stage < stages; stage++) {
        pen.fillStyle = colour(number(i, stage));
        pen.fillRect(x, stage * tall, 1, tall - dots);
      }
    }
  }

  function under(event) {
    const box = strip.getBoundingClientRect();
    const [from, to] = stretch();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    const stage = Math.floor(((event.clientY - box.top) / bands.clientHeight) * stages); // below the last: the curves
    return { i: frameAt(from + share * (to - from) - SAME_MS), stage: Math.max(0, stage), share };
  }

  function hint(event) {
    const { i, stage, share } = under(event);
    find("tip").hidden = stage >= stages;
    if (stage >= stages) return;
    const at = data.valid[i] ? number(i, stage) : -1;
    const text = at < 0 ? "no face" : `Stage ${stage}, ${moves(at) ? `token ${data.labels[at]}: ${data.names[at]}` : "nothing more"}`;
    find("tip").textContent = `${times[i].toFixed(2)} s · ${text}`;
    Object.assign(find("tip").style, share < 0.5 ? { left: `${100 * share}%`, right: "auto" } : { left: "auto", right: `${100 * (1 - share)}%` });
  }

  let held = false;
  strip.addEventListener("pointerdown", (event) => {
    held = true;
    strip.setPointerCapture(event.pointerId);
    go(under(event).i);
  });
  strip.addEventListener("pointermove", (event) => {
    hint(event);
    if (held) go(under(event).i);
  });
  for (const name of ["pointerup", "pointercancel"]) strip.addEventListener(name, () => (held = false));
  strip.addEventListener("pointerleave", () => (find("tip").hidden = true));
  strip.addEventListener("keydown", (event) => {
    const second = Math.max(1, Math.round(1 / step));
    const ways = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: second, PageUp: -second, Home: -count, End: count };
    if (event.key === " ") video.paused ? video.play() : video.pause();
    else if (event.key in ways) go(shown + ways[event.key]);
    else return;
    event.preventDefault();
  });
  find("span").addEventListener("input", place);
  find("posing").hidden = !turn;
  find("posed").addEventListener("input", () => (find("posed").checked ? pose(shown) : view.look(view.yaw, view.pitch)));
  new ResizeObserver(place).observe(strip);
  strip.setAttribute("aria-valuemax", count - 1);

  video.src = data.video;
  show(0);

  window.viewer = {
    get frame() { return shown; },
    get time() { return video.currentTime; },
    get tokens() { return data.valid[shown] ? data.tokens[shown] : null; },
    get moved() { return Array.from(view.moved); },
    get turned() { return [view.yaw, view.pitch, view.roll]; },
    look: (...angles) => view.look(...angles),
    go,
  };
})();
