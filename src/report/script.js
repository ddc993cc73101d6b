"use strict";
// The read-out: what lies under the pointer, at logged steps and not between them.
document.documentElement.classList.add("js");
const figure = (v) => v === null ? "–" : Number.isInteger(v) ? String(v) : String(+v.toPrecision(4));
const shape = (name, attributes, parent) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
};
const nearest = (points, x) => {
  let low = 0, high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1; else high = middle;
  }
  return low > 0 && x - points[low - 1][0] < points[low][0] - x ? low - 1 : low;
};
for (const chart of document.querySelectorAll(".chart")) {
  const data = JSON.parse(chart.querySelector("script").textContent);
  const svg = chart.querySelector("svg"), cursor = chart.querySelector(".cursor"), readout = chart.querySelector(".readout");
  const [left, top, right, bottom] = data.plot;
  const clear = () => { cursor.replaceChildren(); readout.textContent = ""; };
  const lines = (x) => {
    const [first, last] = data.xs;
    const wanted = first + (x - left) / (right - left) * (last - first);
    const words = [];
    let shown = null;
    for (const line of data.lines) {
      if (line.points.length === 0) continue;
      const [px, py] = line.points[nearest(line.points, wanted)];
      if (shown === null || Math.abs(px - wanted) < Math.abs(shown - wanted)) shown = px;
      const value = data.log ? Math.log10(py) : py;
      if (py !== null && Number.isFinite(value)) {
        const at = [left + (px - first) / (last - first || 1) * (right - left),
          bottom - (value - data.ys[0]) / (data.ys[1] - data.ys[0] || 1) * (bottom - top)];
        shape("circle", { cx: at[0], cy: at[1], r: 3.5, class: line.color }, cursor);
      }
      words.push(`${line.name} ${figure(py)}${px === shown ? "" : ` (at ${figure(px)})`}`);
    }
    if (shown === null) return "";
    const at = left + (shown - first) / (last - first || 1) * (right - left);
    shape("path", { d: `M${at} ${top}V${bottom}` }, cursor);
    return `${data.x} ${figure(shown)}: ${words.join(" · ")}`;
  };
  const heat = (x, y) => {
    const columns = data.steps.length, bins = data.cells[0].length;
    const column = Math.min(columns - 1, Math.floor((x - left) / (right - left) * columns));
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((bottom - y) / (bottom - top) * bins)));
    const at = left + (column + .5) / columns * (right - left), row = bottom - (bin + .5) / bins * (bottom - top);
    shape("path", { d: `M${at} ${top}V${bottom}M${left} ${row}H${right}` }, cursor);
    const from = Math.ceil(bin * data.timesteps / bins), to = Math.ceil((bin + 1) * data.timesteps / bins) - 1;
    const value = data.cells[column][bin];
    return `step ${data.steps[column]}, t ${from}–${to}: ${value === null ? "no t was drawn here" : figure(value)}`;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    clear();
    if (x < left || x > right) return;
    readout.textContent = data.kind === "heat" ? heat(x, y) : lines(x);
  });
  svg.addEventListener("pointerleave", clear);
}
