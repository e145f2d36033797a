// What the lasso holds: how much of what, the bouts, and a few of the frames as they look.
const chosen = points.selected.indices;
const data = points.data;
const shown = data.x.length;

function shares(column) {
  const row = colourings.data.column.indexOf(column);
  const names = colourings.data.names[row], colours = colourings.data.colours[row];
  const counts = new Map();
  for (const i of chosen) counts.set(data[column][i], (counts.get(data[column][i]) ?? 0) + 1);
  const judged = column === "cluster" ? chosen.length : chosen.length - (counts.get(-1) ?? 0);
  if (!judged) return `<h4>${safe(colourings.data.title[row])}</h4><p class="quiet">none here</p>`;
  const order = [...counts].filter(([code]) => code >= 0 || column === "cluster").sort((a, b) => b[1] - a[1]);
  const bars = order.slice(0, 4).map(([code, count]) => {
    const [name, colour] = code < 0 ? ["in no cluster", grey] : [names[code], colours[code]];
    return `<tr><td>${safe(name)}</td><td class="bar"><i style="width:${(100 * count) / judged}%;background:${colour}"></i></td><td>${percent(count / judged)}</td></tr>`;
  });
  const of = column === "cluster" ? "" : ` <span class="quiet">of ${judged.toLocaleString("en")} judged</span>`;
  const more = order.length > 4 ? `<tr><td class="quiet">and ${order.length - 4} more</td><td></td><td></td></tr>` : "";
  return `<h4>${safe(colourings.data.title[row])}${of}</h4><table>${bars.join("")}${more}</table>`;
}

function bouts() {
  const found = new Map();
  for (const i of chosen) found.set([data.video[i], data.pair[i], data.start[i]].join(" "), i);
  const list = [...found.values()].sort((a, b) => data.video[a] - data.video[b] || data.start[a] - data.start[b]);
  const columns = { point: [], video: [], pair: [], time: [], seconds: [], cluster: [] };
  const names = colourings.data.names[colourings.data.column.indexOf("cluster")];
  for (const i of list.slice(0, 1000)) {
    columns.point.push(i);
    columns.video.push(videos[data.video[i]]);
    columns.pair.push(pairs[data.pair[i]]);
    columns.time.push(data.start[i]);
    columns.seconds.push(data.stop[i] - data.start[i]);
    columns.cluster.push(data.cluster[i] < 0 ? "in none" : names[data.cluster[i]]);
  }
  return [columns, list.length];
}

if (!chosen.length) {
  summary.text = "<p>Draw around points on the map with the lasso to see what they are: how they divide into clusters and labels, and the bouts they are from.</p>";
  show(held, { point: [], video: [], pair: [], time: [], seconds: [], cluster: [] });
  show(stills, { point: [] });
  quietly(table, { visible: false });
  quietly(clear, { visible: false });
} else {
  const [columns, total] = bouts();
  const cut = total > 1000 ? ", of which the first 1,000 are listed" : "";
  summary.text = `<p><b>${chosen.length.toLocaleString("en")} frames</b>, ${percent(chosen.length / shown)} of those shown, in <b>${total.toLocaleString("en")} bouts</b>${cut}.</p>`
    + `<div class="shares">${["cluster", ...judgements].map((one) => `<div>${shares(one)}</div>`).join("")}</div>`;
  quietly(held.selected, { indices: [] });
  show(held, columns);
  quietly(table, { visible: true });
  quietly(clear, { visible: true });
  show(stills, { point: Array.from({ length: 12 }, (_, n) => chosen[Math.floor(((n + 0.5) * chosen.length) / 12)]).slice(0, chosen.length) });
}
sketch();

function sketch() {
  const lines = { xs: [], ys: [], colour: [] }, noses = { x: [], y: [], colour: [] };
  const [length, animals, landmarks] = shape;
  stills.data.point.forEach((i, n) => {
    const from = (i * length + at.data.at[i]) * animals * landmarks;
    const { x, y } = clips.data;
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let k = from; k < from + animals * landmarks; k++) {
      if (x[k] === -32768) continue;
      left = Math.min(left, x[k]); right = Math.max(right, x[k]); top = Math.min(top, y[k]); bottom = Math.max(bottom, y[k]);
    }
    const size = 1.25 * Math.max(150, right - left, bottom - top);
    const px = (k) => (n % 6) + 0.5 + (x[k] - (left + right) / 2) / size;
    const py = (k) => Math.floor(n / 6) + 0.5 + (y[k] - (top + bottom) / 2) / size;
    for (let who = 0; who < animals; who++) {
      const first = from + who * landmarks, colour = who ? "#0072B2" : "#D55E00";
      if (x[first] !== -32768) { noses.x.push(px(first)); noses.y.push(py(first)); noses.colour.push(colour); }
      for (const [a, b] of edges) {
        const [j, k] = [first + a, first + b];
        if (x[j] === -32768 || x[k] === -32768) continue;
        lines.xs.push([px(j), px(k)]); lines.ys.push([py(j), py(k)]); lines.colour.push(colour);
      }
    }
  });
  show(sketches, lines);
  show(heads, noses);
  quietly(pictures, { visible: chosen.length > 0 });
}
