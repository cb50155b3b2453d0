/* The atlas: cards, filters, and tokens on a head. `window.atlas` tells the state. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = new Map(data.tokens.map((token) => [token.id, token]));
  const find = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const still = Float32Array.from(data.still);
  const combination = new Map(); // token id -> strength
  const MOST = 8;

  const number = (value, digits = 2) => Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 2 });
  const percent = (share) => (share > 0 && share < 0.001 ? "under 0.1 %" : `${number(100 * share)} %`);
  const tied = (text) => text.replaceAll(" mm", "\u00a0mm");
  const often = (token) => token.share.real ?? token.share.simulated ?? 0;

  /* ---- the head ---- */

  const model = new HeadModel(data.head);
  const view = new HeadView(find("head"), model, describe);
  wireTurns(find("turns"), view);
  find("scale").style.background = gradient(model.heat);
  find("add").max = Math.max(...byId.keys());
  if (!view.gl) find("turning").textContent = "This browser offers no WebGL 2, so the head cannot be drawn; the cards work without it.";
  if (data.summed) find("summed").textContent = data.summed;

  function psiOf(factor = 1) {
    const psi = still.slice();
    for (const [id, strength] of combination) {
      byId.get(id).psi.forEach((value, i) => (psi[i] += factor * strength * value));
    }
    return psi;
  }

  function limitOf(mm) {
    return data.limits.find((limit) => limit >= 0.85 * mm) ?? data.limits.at(-1);
  }

  /* The scale stays while a movement plays: it belongs to its end. */
  function drawHead(factor = 1) {
    if (factor === 1) {
      view.show(psiOf(), still);
      view.show(psiOf(), still, limitOf(view.most));
    } else view.show(psiOf(factor), still);
    find("limit").textContent = `${view.limit} mm`;
    find("most").textContent = `moves at most ${number(view.most)} mm`;
    describe();
  }

  function describe() {
    const tokens = [...combination].map(([id, strength]) => `token ${byId.get(id).label} at ${Math.round(100 * strength)} %`);
    const side = view.yaw ? `, turned ${Math.abs(Math.round(view.yaw))}° to the person's ${view.yaw > 0 ? "left" : "right"}` : ", from the front";
    find("head").setAttribute("aria-label", `Head with ${tokens.join(", ") || "no token"}${side}`);
  }

  function say(text) {
    find("said").textContent = text;
  }

  let playing = 0;

  /* From rest to the movement: once when a token is shown, to and fro while Play is pressed. */
  function animate(milliseconds, loops) {
    const start = performance.now();
    const mine = ++playing;
    const step = (now) => {
      if (mine !== playing) return;
      const phase = (now - start) / milliseconds;
      if (!loops && phase >= 1) return drawHead();
      drawHead(0.5 - 0.5 * Math.cos(Math.PI * phase));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  function stop() {
    playing++;
    find("play").setAttribute("aria-pressed", "false");
    find("play").textContent = "Play";
  }

  find("play").addEventListener("click", () => {
    const on = find("play").getAttribute("aria-pressed") !== "true";
    stop();
    if (!on) return drawHead();
    find("play").setAttribute("aria-pressed", "true");
    find("play").textContent = "Stop";
    animate(900, true);
  });

  /* ---- combining tokens ---- */

  function combine() {
    stop();
    drawHead();
    find("combination").replaceChildren(...[...combination.keys()].map(strengthRow));
    for (const card of find("cards").children) card.classList.toggle("shown", combination.has(Number(card.dataset.token)));
  }

  function strengthRow(id) {
    const token = byId.get(id);
    const shown = el("output", { for: `strength-${id}` }, `${Math.round(100 * combination.get(id))} %`);
    const slider = el("input", {
      type: "range", id: `strength-${id}`, min: -100, max: 300, step: 5, value: Math.round(100 * combination.get(id)),
      oninput: () => {
        combination.set(id, slider.value / 100);
        shown.textContent = `${slider.value} %`;
        slider.setAttribute("aria-valuetext", `${slider.value} percent`);
        stop();
        drawHead();
      },
    });
    return el("li", {},
      el("label", { for: `strength-${id}` }, el("span", { class: "number" }, token.label), tied(token.name)),
      el("button", { type: "button", "aria-label": `Take token ${token.label} off`, onclick: () => takeOff(id) }, "×"),
      el("div", { class: "strength" }, slider, shown));
  }

  function takeOff(id) {
    combination.delete(id);
    combine();
    say(`Token ${byId.get(id).label} is off the head.`);
    (find("combination").querySelector("button") ?? find("add")).focus();
  }

  function putOn(id, alone) {
    if (alone) combination.clear();
    if (combination.size >= MOST && !combination.has(id)) return say(`The head takes ${MOST} tokens at a time: take one off first.`);
    combination.set(id, 1);
    combine();
    say(`On the head: ${[...combination.keys()].map((each) => `${byId.get(each).label}, ${byId.get(each).name}`).join("; ")}.`);
    if (alone && !calm.matches) animate(450, false);
  }

  find("adding").addEventListener("submit", (event) => {
    event.preventDefault();
    const token = data.tokens.find((each) => each.label === find("add").value);
    if (!token) return say("There is no such token.");
    putOn(token.id, false);
    find("add").value = "";
  });
  find("clear").addEventListener("click", () => {
    combination.clear();
    combine();
    say("No token is on the head.");
  });

  /* ---- cards ---- */

  function card(token) {
    const title = `title-${token.id}`;
    return el("li", { id: `token-${token.id}`, "data-token": token.id, tabindex: -1, "aria-labelledby": title },
      el("h3", { id: title }, el("span", { class: "number" }, el("span", { class: "hidden-text" }, "Token "), token.label), tied(token.name)),
      el("div", { class: "views" },
        el("img", { src: token.views[0], width: data.size[0], height: data.size[1], loading: "lazy", alt: `Token ${token.label} from the front` }),
        el("img", { src: token.views[1], width: data.size[0], height: data.size[1], loading: "lazy", alt: `Token ${token.label}, three-quarter view` })),
      el("p", { class: "scale" }, el("span", {}, "0"), el("i", { style: `background: ${gradient(model.heat)}` }), el("span", {}, `${token.limit} mm`),
        el("span", {}, token.drawn > 1 ? `movement drawn ×${token.drawn}` : "")),
      el("p", { class: "chips" }, ...token.regions.map((region) => el("span", {}, region)),
        token.reading?.beyond ? el("span", { class: "beyond", title: "the units that the usual FACS detectors report explain less than half of it" }, "beyond FACS detectors") : null),
      facts(token), frames(token), friends(token),
      el("div", { class: "card-buttons" },
        el("button", { type: "button", class: "main", "aria-label": `Show token ${token.label} on the head`, onclick: () => putOn(token.id, true) }, "Show on head"),
        el("button", { type: "button", "aria-label": `Add token ${token.label} to the head`, onclick: () => putOn(token.id, false) }, "Add")));
  }

  function facts(token) {
    const rows = [["Moves", `at most ${number(token.mm)} mm, ${number(token.rms)} mm rms over the face`]];
    if (token.more.length) rows.push(["Also", token.more.join(", ")]);
    if (token.reading) rows.push(["FACS", token.reading.text]);
    const shares = Object.entries(token.share).map(([kind, share]) => `${percent(share)} of ${data.kinds[kind]}`);
    if (shares.length) rows.push(["Occurs in", shares.join(", ")]);
    return el("dl", { class: "facts" }, ...rows.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
  }

  function frames(token) {
    if (!token.examples.length) return null;
    return el("div", { class: "frames" }, ...token.examples.map(([thumb, clip, time]) =>
      el("figure", {},
        el("img", { src: data.thumbs[thumb], width: 72, height: 72, loading: "lazy", title: clip, alt: `Frame of ${clip} with token ${token.label}` }),
        el("figcaption", {}, `${time.toFixed(1)} s`))));
  }

  function friends(token) {
    if (!token.friends.length) return null;
    return el("p", { class: "chips" }, el("span", { class: "plain" }, "Goes with"), ...token.friends.map(([id, lift]) => {
      const other = byId.get(id);
      const told = `${other.name}; together ${number(lift)} times as often as by chance`;
      return el("a", { href: `#token-${id}`, title: told, "aria-label": `Token ${other.label}: ${told}` }, other.label);
    }));
  }

  /* ---- filters ---- */

  const parts = new Map(data.tokens.map((token) => [token.id,
    [...token.name.split(", "), ...token.more, ...token.regions, token.actions, token.reading?.text ?? ""].map((part) => part.toLowerCase())]));
  const orders = {
    often: (a, b) => often(b) - often(a),
    strong: (a, b) => b.mm - a.mm,
    id: (a, b) => a.id - b.id,
    alike: (a, b) => a.rank - b.rank,
    facs: (a, b) => (a.reading?.share ?? 2) - (b.reading?.share ?? 2),
  };

  /* "brow up, jaw": one part of the face has both words, and one the third. */
  function says(token, asked) {
    return asked.split(",").every((piece) =>
      parts.get(token.id).some((part) => piece.split(/\s+/).every((word) => part.includes(word))));
  }

  function fits(token) {
    const asked = find("search").value.trim().toLowerCase();
    const [region, unit, beyond] = ["region", "unit", "beyond"].map((id) => find(id).value);
    // a number asks for the token of that number, not for whatever moves by so many millimetres
    const found = /^\d+$/.test(asked) ? token.label === asked : says(token, asked);
    return found && (!region || token.regions.includes(region)) && (!unit || token.reading?.units.includes(unit))
      && (!beyond || Boolean(token.reading?.beyond) === (beyond === "yes")) && often(token) >= Number(find("often").value);
  }

  const cards = new Map(data.tokens.map((token) => [token.id, card(token)]));

  function filter() {
    const shown = data.tokens.filter(fits).sort((a, b) => orders[find("order").value](a, b) || a.id - b.id);
    const now = shown.map((token) => cards.get(token.id));
    // a card that is put back loses the focus
    if (now.length !== find("cards").children.length || now.some((each, i) => each !== find("cards").children[i])) find("cards").replaceChildren(...now);
    find("count").textContent = shown.length ? `${shown.length} of ${data.tokens.length} tokens` : "No token fits: loosen a filter or press Reset.";
  }

  function options(id, values) {
    find(id).append(...[...new Set(values)].sort().map((value) => el("option", { value }, data.units?.[value] ? `${value} ${data.units[value]}` : value)));
  }

  const counted = data.tokens.some((token) => Object.keys(token.share).length);
  const read = data.tokens.some((token) => token.reading);
  for (const [there, name] of [[counted, "counted"], [read, "facs"]]) {
    document.querySelectorAll(`.${name}`).forEach((each) => (each.hidden = !there)); // what no token has needs no control
  }
  options("region", data.tokens.flatMap((token) => token.regions));
  if (read) options("unit", data.tokens.flatMap((token) => token.reading?.units ?? []));
  find("about").textContent = data.about;
  find("filters").addEventListener("input", filter);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("reset", () => setTimeout(filter));

  /* `index.html#token-17` and `index.html#17` open a token. */
  function follow() {
    const asked = location.hash.match(/^#(?:token-)?(\d+)$/);
    const token = asked && byId.get(Number(asked[1]));
    if (!token) return;
    if (!fits(token)) find("filters").reset();
    filter();
    cards.get(token.id).scrollIntoView({ block: "start" });
    cards.get(token.id).focus({ preventScroll: true });
    putOn(token.id, true);
  }

  filter();
  const first = data.tokens.filter((token) => fits(token)).sort(orders.strong)[0];
  drawHead();
  new IntersectionObserver(([entry]) => (find("to-head").hidden = entry.isIntersecting)).observe(find("stage"));
  window.addEventListener("hashchange", follow);
  if (location.hash) follow();
  else if (first) combination.set(first.id, 1), combine();

  window.atlas = {
    get visible() { return [...find("cards").children].map((each) => Number(each.dataset.token)); },
    get combination() { return Object.fromEntries(combination); },
    get view() { return { yaw: view.yaw, pitch: view.pitch, zoom: view.zoom }; },
    get moved() { return Array.from(view.moved); },
    get points() { return Array.from(view.points); },
  };
})();
