/* The clip player: video, mesh, head, words and strip show one frame. `window.viewer` tells which. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const video = find("video");
  const rows = new ClipRows(data, arrived);
  const model = new HeadModel(data.head);
  const view = new HeadView(find("head"), model);
  const overlay = data.shape && new Overlay(find("mesh"), video, model, data);
  const timeline = new Timeline(rows, data, (i) => go(i));
  const width = data.still.length;
  const eyes = data.head.names.flatMap((name, i) => (name.startsWith("eyeLook") ? [i] : []));
  let shown = 0;

  const colour = (token) => `rgb(${data.colours[token].slice(0, 3).join(" ")} / ${data.colours[token][3]})`;
  const moves = (token) => data.colours[token][3] > 0; // not the token that means nothing
  const display = (token) => Math.floor(token / data.levels);

  /* ---- one frame ---- */

  function line(token) {
    const again = el("button", { type: "button", class: "next", onclick: () => go(rows.next(shown, display(token))), "aria-label": `Next time of ${data.labels[token]}` }, "next");
    return el("li", {}, el("i", { style: `background: ${colour(token)}` }), `${data.labels[token]}: ${data.names[token]} `, again);
  }

  /* What is said of a frame at once; the rest follows when its piece of the rows has been read. */
  function show(i) {
    shown = i;
    const there = rows.valid(i);
    const said = there ? Array.from({ length: rows.stages }, (_, stage) => rows.token(i, stage)).filter(moves) : [];
    find("tokens").replaceChildren(...said.map(line));
    if (there && !said.length) find("tokens").append(el("li", {}, "At rest: no token moves the face"));
    const { strip } = timeline;
    strip.setAttribute("aria-valuenow", i);
    strip.setAttribute("aria-valuetext", `${rows.times[i].toFixed(2)} seconds, ${there ? `tokens ${said.map((at) => data.labels[at]).join(", ") || "at rest"}` : "no face"}`);
    timeline.place(i);
    detail(i, there, rows.at(i));
  }

  function detail(i, there, found) {
    const face = there && found;
    view.shown.style.visibility = face ? "visible" : "hidden";
    if (face) drawHead(found);
    overlay?.show(face && found.piece.psi ? fitted(found) : null, face && found.piece.place ? placed(found) : null);
    find("words").textContent = face && found.piece.words ? found.piece.words[found.piece.said[found.row]] : "";
    meter(face);
    find("most").textContent = face ? `moves at most ${view.most.toFixed(1)} mm` : there ? "reading" : "no face";
    const error = face && found.piece.error?.[found.row];
    const off = face && found.piece.error ? `, ${error.toFixed(1)} mm from the fitted face` : "";
    find("frame").textContent = `Frame ${i} at ${rows.times[i].toFixed(2)} s${there ? off : ": no face"}`;
  }

  const fitted = ({ piece, row }) => piece.psi.subarray(row * width, (row + 1) * width);
  const placed = ({ piece, row }) => piece.place.map((values) => values.subarray((row * values.length) / piece.said.length, ((row + 1) * values.length) / piece.said.length));

  /* The face that the tokens say; the eyes, which they leave to chance, as the fit has them. */
  function drawHead(found) {
    const said = found.piece.said[found.row];
    const psi = found.piece.faces.slice(said * width, (said + 1) * width);
    const rest = Float32Array.from(data.still);
    if (found.piece.psi) for (const i of eyes) psi[i] = rest[i] = fitted(found)[i];
    view.show(psi, rest, data.limit);
    pose(found);
  }

  function pose({ piece, row }) {
    if (piece.turn && find("posed").checked) view.look(...piece.turn.subarray(3 * row, 3 * row + 3));
  }

  /* A piece of the rows has been read. */
  function arrived() {
    show(shown);
    timeline.repaint();
  }

  function go(i) {
    const to = Math.max(0, Math.min(rows.count - 1, i));
    show(to);
    // the middle of the frame: its edge may round to the frame before
    video.currentTime = (rows.times[to] + rows.end(to)) / 2;
  }

  function follow(seconds) {
    const i = rows.frameAt(seconds);
    if (i === shown) return;
    show(i);
    rows.ask(Math.floor(i / data.piece) + 1); // what comes next
  }

  if (video.requestVideoFrameCallback) {
    const each = (_, frame) => {
      if (!video.paused && !video.seeking) follow(frame.mediaTime); // at rest it may come late, of the picture before a seek
      video.requestVideoFrameCallback(each);
    };
    video.requestVideoFrameCallback(each);
  } else {
    video.addEventListener("timeupdate", () => follow(video.currentTime));
  }
  for (const rests of ["seeked", "pause"]) video.addEventListener(rests, () => follow(video.currentTime));
  video.addEventListener("ended", () => follow(video.currentTime)); // its last picture may never have been presented
  video.addEventListener("error", () => {
    find("trouble").textContent = "This browser cannot play the clip; the strip and the head work without it.";
  });
  find("strip").addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    video.paused ? video.play() : video.pause();
    event.preventDefault();
  });

  /* ---- movements over time ---- */

  const drawn = []; // channels that are drawn over time, at most as many as there are inks
  const actions = data.channels.length - width; // those before it are action units
  const meters = data.channels.slice(0, data.has.units ? actions : 0).map((name, unit) => {
    const button = el("button", { type: "button", class: "unit", title: name, "aria-pressed": "false", onclick: () => toggle(unit) },
      el("span", {}, name), el("i"), el("output"));
    find("units").append(button);
    return button;
  });
  find("measured").hidden = !meters.length;
  find("moving").hidden = !data.has.units && !data.has.psi;
  const choices = (label, there, first, last) => there && find("add").append(el("optgroup", { label },
    ...data.channels.slice(first, last).map((name, i) => el("option", { value: first + i }, name))));
  choices("Action units", data.has.units, 0, actions);
  choices("Movements of the fitted face", data.has.psi, actions, data.channels.length);
  find("add").addEventListener("input", () => {
    if (find("add").value && !drawn.includes(Number(find("add").value))) toggle(Number(find("add").value));
    find("add").value = "";
  });

  function meter(face) {
    meters.forEach((button, unit) => {
      const share = face ? rows.strength(unit, face) : 0;
      button.children[1].style.setProperty("--share", `${100 * share}%`);
      button.children[2].textContent = face ? (5 * share).toFixed(1) : "–";
    });
    [...find("drawn").children].forEach((chip, ink) => {
      chip.querySelector("output").textContent = face ? `${(data.sizes[drawn[ink]] * rows.strength(drawn[ink], face)).toFixed(1)} mm` : "–";
    });
  }

  function toggle(channel) {
    const at = drawn.indexOf(channel);
    if (at >= 0) drawn.splice(at, 1);
    else drawn.push(channel);
    if (drawn.length > INKS.length) drawn.shift();
    meters.forEach((button, each) => {
      const ink = drawn.indexOf(each);
      button.setAttribute("aria-pressed", String(ink >= 0));
      button.style.borderColor = ink < 0 ? "" : INKS[ink];
    });
    find("drawn").replaceChildren(...drawn.map((each, ink) =>
      el("button", { type: "button", "aria-label": `Take the curve of ${data.channels[each]} away`, onclick: () => toggle(each) },
        el("i", { style: `background: ${INKS[ink]}` }), `${data.channels[each]} `, el("output"), " ×")));
    timeline.draw([...drawn]);
    meter(rows.valid(shown) ? rows.at(shown) : null);
  }

  /* ---- switches ---- */

  wireTurns(find("turns"), view);
  find("scale").style.background = gradient(model.heat);
  find("limit").textContent = `${data.limit} mm`;
  find("title").textContent = `${data.clip} and its tokens`;
  document.title = find("title").textContent;
  find("levelled").hidden = data.levels < 2;
  find("posing").hidden = !data.has.turn;
  find("posed").addEventListener("input", () => (find("posed").checked ? rows.valid(shown) && rows.here(shown) && pose(rows.at(shown)) : view.look(view.yaw, view.pitch)));
  find("meshing").hidden = !overlay?.gl;
  find("mesh").hidden = !overlay?.gl;
  find("meshed").addEventListener("input", () => {
    find("mesh").hidden = !find("meshed").checked;
    overlay.redraw();
  });

  /* In a page of two clips: tells the other one where this one goes, and follows it. */
  if (window.parent !== window) {
    document.documentElement.classList.add("inside");
    const tell = () => window.parent.postMessage({ time: video.currentTime, playing: !video.paused, rate: video.playbackRate }, "*");
    for (const name of ["seeked", "play", "pause", "ratechange"]) video.addEventListener(name, tell);
    window.addEventListener("message", ({ source, data: asked }) => {
      if (source !== window.parent || typeof asked?.time !== "number") return;
      if (Math.abs(video.currentTime - asked.time) > (asked.playing ? 0.25 : 0.001)) video.currentTime = asked.time;
      video.playbackRate = asked.rate;
      if (asked.playing === video.paused) asked.playing ? video.play() : video.pause();
    });
  }

  video.src = data.video;
  show(0);
  const asked = Number(location.hash.slice(1).replace(/^t=/, "")); // index.html#t=12.5 opens there
  if (location.hash && Number.isFinite(asked)) go(rows.frameAt(asked));

  window.viewer = {
    get frame() { return shown; },
    get time() { return video.currentTime; },
    get tokens() { return rows.valid(shown) ? Array.from({ length: rows.stages }, (_, stage) => rows.tokens[shown * rows.stages + stage]) : null; },
    get moved() { return Array.from(view.moved); },
    get points() { return Array.from(view.points); },
    get turned() { return [view.yaw, view.pitch, view.roll]; },
    get loaded() { return [...rows.pieces.keys()]; },
    look: (...angles) => view.look(...angles),
    pixel: (vertex) => overlay.pixel(vertex),
    go,
  };
})();
