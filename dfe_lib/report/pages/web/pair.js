/* Two clips' pages side by side: where one goes, the other follows, as far apart as they were when they were aligned. */

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (id) => document.getElementById(id);
  const frames = data.pages.map((page, i) => {
    const frame = document.createElement("iframe");
    Object.assign(frame, { src: page, title: data.names[i] });
    const section = document.createElement("section");
    const name = document.createElement("h2");
    name.textContent = data.names[i];
    section.append(name, frame);
    find("clips").append(section);
    return frame;
  });
  const times = [0, 0];
  let ahead = 0; // seconds that the second clip is ahead of the first
  const led = [0, 0]; // until when a clip does what it was told, and tells nothing

  find("title").textContent = data.names.join(" and ");
  document.title = find("title").textContent;
  find("align").addEventListener("click", () => {
    ahead = times[1] - times[0];
    find("apart").textContent = ahead ? `${data.names[1]} is ${Math.abs(ahead).toFixed(2)} s ${ahead > 0 ? "ahead" : "behind"}` : "";
  });

  window.addEventListener("message", ({ source, data: told }) => {
    const one = frames.findIndex((frame) => frame.contentWindow === source);
    if (one < 0 || typeof told?.time !== "number") return;
    times[one] = told.time;
    const other = 1 - one;
    if (!find("together").checked || performance.now() < led[one]) return;
    led[other] = performance.now() + 400;
    const time = Math.max(0, told.time + (other ? ahead : -ahead));
    frames[other].contentWindow.postMessage({ ...told, time }, "*");
  });

  window.pair = {
    get times() { return [...times]; },
    get ahead() { return ahead; },
  };
})();
