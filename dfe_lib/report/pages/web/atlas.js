/* The atlas: cards, filters, and displays on a head. `window.atlas` tells the state. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = new Map(data.displays.map((display) => [display.id, display]));
  const find = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const still = Float32Array.from(data.still);
  const combination = new Map(); // display id -> strength
  const MOST = 8;

  const number = (value, digits = 2) => Number(value.toPrecision(digits)).toLocaleString("en", { maximumFractionDigits: 2 });
  const percent = (share) => (share > 0 && share < 0.001 ? "under 0.1 %" : `${number(100 * share)} %`);
  const tied = (text) => text.replaceAll(" mm", "\u00a0mm");
  const often = (display) => display.share.real ?? display.share.simulated ?? 0;

  /* ---- the head ---- */

  const model = new HeadModel(data.head);
  const view = new HeadView(find("head"), model, describe);
  wireTurns(find("turns"), view);
  find("scale").style.background = gradient(model.heat);
  find("add").max = Math.max(...byId.keys());
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
    const displays = [...combination].map(([id, strength]) => `display ${byId.get(id).label} at ${Math.round(100 * strength)} %`);
    const side = view.yaw ? `, turned ${Math.abs(Math.round(view.yaw))}° to the person's ${view.yaw > 0 ? "left" : "right"}` : ", from the front";
    find("head").setAttribute("aria-label", `Head with ${displays.join(", ") || "no display"}${side}`);
  }

  function say(text) {
    find("said").textContent = text;
  }

  let playing = 0;

  /* From rest to the movement: once when a display is shown, to and fro while Play is pressed. */
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

  /* ---- combining displays ---- */

  function combine() {
    stop();
    drawHead();
    find("combination").replaceChildren(...[...combination.keys()].map(strengthRow));
    for (const card of cards.values()) card.classList.toggle("shown", combination.has(Number(card.dataset.display)));
  }

  function strengthRow(id) {
    const display = byId.get(id);
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
      el("label", { for: `strength-${id}` }, el("span", { class: "number" }, display.label), tied(display.name)),
      el("button", { type: "button", "aria-label": `Take display ${display.label} off`, onclick: () => takeOff(id) }, "×"),
      el("div", { class: "strength" }, slider, shown));
  }

  function takeOff(id) {
    combination.delete(id);
    combine();
    say(`Display ${byId.get(id).label} is off the head.`);
    (find("combination").querySelector("button") ?? find("add")).focus();
  }

  function putOn(id, alone, strength = 1) {
    if (alone) combination.clear();
    if (combination.size >= MOST && !combination.has(id)) return say(`The head takes ${MOST} displays at a time: take one off first.`);
    combination.set(id, strength);
    combine();
    say(`On the head: ${[...combination.keys()].map((each) => `${byId.get(each).label}, ${byId.get(each).name}`).join("; ")}.`);
    if (alone && !calm.matches) animate(450, false);
  }

  find("adding").addEventListener("submit", (event) => {
    event.preventDefault();
    const display = data.displays.find((each) => each.label === find("add").value);
    if (!display) return say("There is no such display.");
    putOn(display.id, false);
    find("add").value = "";
  });
  find("clear").addEventListener("click", () => {
    combination.clear();
    combine();
    say("No display is on the head.");
  });

  /* ---- cards ---- */

  function card(display) {
    const title = `title-${display.id}`;
    return el("li", { id: `display-${display.id}`, "data-display": display.id, tabindex: -1, "aria-labelledby": title },
      el("h4", { id: title }, el("span", { class: "number" }, el("span", { class: "hidden-text" }, "Display "), display.label), tied(display.name)),
      el("div", { class: "views" },
        el("img", { src: display.views[0], width: data.size[0], height: data.size[1], loading: "lazy", alt: `Display ${display.label} from the front` }),
        el("img", { src: display.views[1], width: data.size[0], height: data.size[1], loading: "lazy", alt: `Display ${display.label}, three-quarter view` })),
      el("p", { class: "scale" }, el("span", {}, "0"), el("i", { style: `background: ${gradient(model.heat)}` }), el("span", {}, `${display.limit} mm`),
        el("span", {}, display.drawn > 1 ? `movement drawn ×${display.drawn}` : "")),
      el("p", { class: "chips" }, ...display.regions.map((region) => el("span", {}, region)),
        display.reading?.beyond ? el("span", { class: "beyond", title: "the units that the usual FACS detectors report explain less than half of it" }, "beyond FACS detectors") : null),
      levels(display), facts(display), el("p", { class: "explains soft", hidden: true }), frames(display), runs(display), friends(display),
      el("div", { class: "card-buttons" },
        el("button", { type: "button", class: "main", "aria-label": `Show display ${display.label} on the head`, onclick: () => putOn(display.id, true) }, "Show on head"),
        el("button", { type: "button", "aria-label": `Add display ${display.label} to the head`, onclick: () => putOn(display.id, false) }, "Add"),
        el("button", { type: "button", "aria-label": `Compare display ${display.label}`, onclick: () => compare(display.id) }, "Compare")));
  }

  /* The strengths that the display has a token for, weakest first. */
  function levels(display) {
    if (!display.levels.length) return null;
    return el("p", { class: "levels" }, ...display.levels.map((level) => {
      const often = level.share === null ? "" : `, in ${percent(level.share)} of the frames`;
      const told = `token ${level.token}, ${Math.round(100 * level.strength)} % of the top level${often}`;
      return el("button", { type: "button", title: told, "aria-label": `Show display ${display.label} at level ${level.name} on the head: ${told}`,
        onclick: () => putOn(display.id, true, level.strength) }, el("strong", {}, level.name), ` ${number(level.mm)}\u00a0mm`);
    }));
  }

  function facts(display) {
    const rows = [["Moves", `at most ${number(display.mm)} mm, ${number(display.rms)} mm rms over the face`]];
    if (display.more.length) rows.push(["Also", display.more.join(", ")]);
    if (display.reading) rows.push(["FACS", display.reading.text]);
    const shares = Object.entries(display.share).map(([kind, share]) => `${percent(share)} of ${data.kinds[kind]}`);
    if (shares.length) rows.push(["Occurs in", shares.join(", ")]);
    return el("dl", { class: "facts" }, ...rows.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
  }

  /* The viewer's page of a clip at a time, where there is one. */
  function place(clip, time, ...inside) {
    const page = data.pages[clip];
    return page ? el("a", { href: `${page}#t=${time}`, title: `${clip} at ${time} s, in the viewer` }, ...inside) : el("span", {}, ...inside);
  }

  function frames(display) {
    if (!display.examples.length) return null;
    return el("div", { class: "frames" }, ...display.examples.map(([thumb, clip, time]) =>
      el("figure", {}, place(clip, time,
        el("img", { src: data.thumbs[thumb], width: 72, height: 72, loading: "lazy", title: clip, alt: `Frame of ${clip} with display ${display.label}` }),
        el("figcaption", {}, `${time.toFixed(1)} s`)))));
  }

  /* Where it is seen longest. */
  function runs(display) {
    if (!display.runs.length) return null;
    return el("p", { class: "chips" }, el("span", { class: "plain" }, "Seen in"), ...display.runs.map(([clip, start, end]) =>
      place(clip, start, `${clip} ${start.toFixed(1)}${end > start ? ` to ${end.toFixed(1)}` : ""} s`)));
  }

  function friends(display) {
    if (!display.friends.length) return null;
    return el("p", { class: "chips" }, el("span", { class: "plain" }, "Goes with"), ...display.friends.map(([id, lift]) => {
      const other = byId.get(id);
      const told = `${other.name}; together ${number(lift)} times as often as by chance`;
      return el("a", { href: `#display-${id}`, title: told, "aria-label": `Display ${other.label}: ${told}` }, other.label);
    }));
  }

  /* ---- two displays compared ---- */

  const chosen = []; // the last two displays that were asked for, each with its strength
  let sides = null; // their heads, made when they are first needed
  const surface = unpacked(data.areas.mm2);
  const regions = Object.entries(data.areas.regions).map(([name, bytes]) => [name, new Uint16Array(bytesOf(bytes))]);

  function compare(id) {
    chosen.push({ id, strength: 1 });
    if (chosen.length > 2) chosen.shift();
    find("comparison").hidden = false;
    sides ??= ["left", "right"].map(side);
    drawComparison();
    say(chosen.length < 2 ? "Press Compare on another display." : "Two displays are compared.");
    if (chosen.length === 2) find("comparison").focus();
  }

  function side(name) {
    const canvas = el("canvas", { class: "head", tabindex: 0, role: "application", "aria-roledescription": "3D head", "aria-label": `Head on the ${name}`, "aria-describedby": "pair-turning" });
    const caption = el("figcaption", {});
    find("pair").append(el("figure", {}, canvas, caption));
    const view = new HeadView(canvas, model, (yaw, pitch) => {
      const other = sides?.find((each) => each.view !== view)?.view;
      if (other && (other.yaw !== yaw || other.pitch !== pitch)) other.look(yaw, pitch);
    });
    return { view, caption };
  }

  const changeOf = ({ id, strength }) => byId.get(id).psi.map((value) => strength * value);

  function drawComparison() {
    const moved = chosen.map((each) => model.displacement(changeOf(each)));
    const most = Math.max(...chosen.map(({ id, strength }) => byId.get(id).mm * strength));
    chosen.forEach((each, i) => {
      sides[i].view.show(still.map((value, k) => value + changeOf(each)[k]), still, limitOf(most));
      sides[i].caption.replaceChildren(...caption(each));
    });
    find("pair").lastChild.hidden = chosen.length < 2;
    find("apart").replaceChildren(...(chosen.length < 2 ? [el("caption", {}, "Press Compare on another display.")] : apart(...moved)));
  }

  function caption(each) {
    const display = byId.get(each.id);
    const level = el("select", { "aria-label": `Level of display ${display.label}`, onchange: () => {
      each.strength = Number(level.value);
      drawComparison();
    } }, ...display.levels.map(({ name, strength }) => el("option", { value: strength, selected: strength === each.strength }, `level ${name}`)));
    return [el("span", { class: "number" }, display.label), `${tied(display.name)} `, display.levels.length ? level : ""];
  }

  /* Rows of the table: how far each of two movements goes in each region, and how far apart they lie. */
  function apart(one, other) {
    const rms = (field, vertices) => {
      let [sum, all] = [0, 0];
      for (const v of vertices) {
        all += surface[v];
        for (let k = 3 * v; k < 3 * v + 3; k++) sum += surface[v] * field[k] ** 2;
      }
      return Math.sqrt(sum / all);
    };
    const between = one.map((value, k) => value - other[k]);
    const [a, b] = chosen.map(({ id }) => `display ${byId.get(id).label}`);
    const rows = regions.map(([name, vertices]) => [name, ...[one, other, between].map((field) => rms(field, vertices).toFixed(2))]);
    return [["region", a, b, "difference"], ...rows].map((cells, i) =>
      el("tr", {}, ...cells.map((text, k) => el(i && k ? "td" : "th", i && k ? {} : { scope: i ? "row" : "col" }, text))));
  }

  find("uncompare").addEventListener("click", () => {
    chosen.length = 0;
    find("comparison").hidden = true;
    find("search").focus();
  });

  /* ---- filters ---- */

  const parts = new Map(data.displays.map((display) => [display.id,
    [...display.name.split(", "), ...display.more, ...display.regions, display.actions, display.reading?.text ?? ""].map((part) => part.toLowerCase())]));
  const PLACES = ["brows", "eyes", "nose", "cheeks", "mouth", "jaw", "tongue"];
  const place_of = (display) => (PLACES.indexOf(display.does[0]) + PLACES.length + 1) % (PLACES.length + 1); // others first
  const alike = new Map(); // how many do the same
  for (const { does } of data.displays) alike.set(does.join(), (alike.get(does.join()) ?? 0) + 1);
  const many = (display) => alike.get(display.does.join());
  const orders = {
    does: (a, b) => place_of(a) - place_of(b) || many(b) - many(a) || a.does[1].localeCompare(b.does[1]) || b.mm - a.mm,
    groups: (a, b) => a.group - b.group || b.mm - a.mm,
    often: (a, b) => often(b) - often(a),
    strong: (a, b) => b.mm - a.mm,
    id: (a, b) => a.id - b.id,
    alike: (a, b) => a.rank - b.rank,
    facs: (a, b) => (a.reading?.share ?? 2) - (b.reading?.share ?? 2),
  };

  /* "brow up, jaw": one part of the face has both words, and one the third. */
  function says(display, asked) {
    return asked.split(",").every((piece) =>
      parts.get(display.id).some((part) => piece.split(/\s+/).every((word) => part.includes(word))));
  }

  /* For an everyday word, an emotion or an action unit: what share of that movement each display explains, most first. */
  function explained(asked) {
    return Object.hasOwn(data.asked, asked) ? new Map(data.asked[asked]) : null;
  }

  /* What is asked for: a plural or "AU 04" is its simple form where that one is known. */
  function asking() {
    const asked = find("search").value.trim().toLowerCase().replace(/\s+/g, " ");
    return [asked, asked.replace(/s$/, ""), asked.replace(/^au ?0*/, "au")].find((form) => Object.hasOwn(data.asked, form)) ?? asked;
  }

  function fits(display) {
    const asked = asking();
    const [region, unit, beyond] = ["region", "unit", "beyond"].map((id) => find(id).value);
    // a number asks for the display of that number, not for whatever moves by so many millimetres
    const found = /^\d+$/.test(asked) ? display.label === asked : explained(asked)?.has(display.id) ?? says(display, asked);
    return found && (!region || display.regions.includes(region)) && (!unit || display.reading?.units.includes(unit))
      && (!beyond || Boolean(display.reading?.beyond) === (beyond === "yes")) && often(display) >= Number(find("often").value);
  }

  const cards = new Map(data.displays.map((display) => [display.id, card(display)]));

  let listed = { key: null, ids: [] };

  function filter() {
    const shares = explained(asking());
    const order = shares ? (a, b) => shares.get(b.id) - shares.get(a.id) : orders[find("order").value];
    const shown = data.displays.filter(fits).sort((a, b) => order(a, b) || a.id - b.id);
    const grouped = !shares && Object.keys(headings).find((name) => name === find("order").value);
    const key = [grouped, ...shown.map((each) => each.id)].join();
    for (const each of data.displays) explain(each, shares);
    // a card that is put back loses the focus
    if (key !== listed.key) find("cards").replaceChildren(...(grouped ? groups(shown, headings[grouped]) : [list(shown)]));
    listed = { key, ids: shown.map((each) => each.id) };
    const how = shares ? `, by how much of ${asking().startsWith("au") ? asking().toUpperCase() : `"${asking()}"`} they explain` : "";
    find("count").textContent = shown.length ? `${shown.length} of ${data.displays.length} displays${how}` : "No display fits: loosen a filter or press Reset.";
    find("meant").hidden = !shares || !Object.hasOwn(data.meant, asking());
    if (!find("meant").hidden) find("meant").textContent = `"${asking()}" is looked for as ${data.meant[asking()]}. What a face shows is not what somebody feels.`;
  }

  const list = (shown) => el("ul", { class: "cards" }, ...shown.map((each) => cards.get(each.id)));

  /* The heading over a display, by the order that has headings. */
  const headings = {
    does: ({ does: [place, kind] }) => {
      const text = kind.startsWith(place) ? kind : `${place}${kind && ": "}${kind}`; // not "mouth: mouth opens"
      return text[0].toUpperCase() + text.slice(1);
    },
    groups: (display) => data.groups[display.group],
  };

  function groups(shown, heading) {
    const under = Map.groupBy ? Map.groupBy(shown, heading) : new Map(shown.map((each) => [heading(each), shown.filter((other) => heading(other) === heading(each))]));
    return [...under].flatMap(([title, members]) => [el("h3", { class: "group" }, title, el("span", { class: "soft" }, ` ${members.length}`)), list(members)]);
  }

  function explain(display, shares) {
    const said = cards.get(display.id).querySelector(".explains");
    said.hidden = !shares?.has(display.id);
    if (!said.hidden) said.textContent = `Explains ${percent(shares.get(display.id))} of ${asking()}`;
  }

  function options(id, values) {
    find(id).append(...[...new Set(values)].sort().map((value) => el("option", { value }, data.units?.[value] ? `${value} ${data.units[value]}` : value)));
  }

  const counted = data.displays.some((display) => Object.keys(display.share).length);
  const read = data.displays.some((display) => display.reading);
  for (const [there, name] of [[counted, "counted"], [read, "facs"]]) {
    document.querySelectorAll(`.${name}`).forEach((each) => (each.hidden = !there)); // what no display has needs no control
  }
  options("region", data.displays.flatMap((display) => display.regions));
  if (read) options("unit", data.displays.flatMap((display) => display.reading?.units ?? []));
  find("about").textContent = data.about;
  find("filters").addEventListener("input", filter);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("filters").addEventListener("reset", () => setTimeout(filter));

  /* `index.html#display-17` and `index.html#17` open a display. */
  function follow() {
    const asked = location.hash.match(/^#(?:display-)?(\d+)$/);
    const display = asked && byId.get(Number(asked[1]));
    if (!display) return;
    if (!fits(display)) find("filters").reset();
    filter();
    cards.get(display.id).scrollIntoView({ block: "start" });
    cards.get(display.id).focus({ preventScroll: true });
    putOn(display.id, true);
  }

  filter();
  const first = data.displays.filter((display) => fits(display)).sort(orders.strong)[0];
  drawHead();
  new IntersectionObserver(([entry]) => (find("to-head").hidden = entry.isIntersecting)).observe(find("stage"));
  window.addEventListener("hashchange", follow);
  if (location.hash) follow();
  else if (first) combination.set(first.id, 1), combine();

  window.atlas = {
    get visible() { return listed.ids; },
    get combination() { return Object.fromEntries(combination); },
    get view() { return { yaw: view.yaw, pitch: view.pitch, zoom: view.zoom }; },
    get moved() { return Array.from(view.moved); },
    get points() { return Array.from(view.points); },
    get compared() { return chosen.map(({ id, strength }) => [id, strength]); },
  };
})();
