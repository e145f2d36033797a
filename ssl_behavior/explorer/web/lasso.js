// Describes the points in the lasso: their clusters and labels, the bouts that hold them, and stills of a few.
const chosen = points.selected.indices;
const data = points.data;
const hasClusters = rows.includes("cluster");
const section = hasClusters ? "bouts" : "different seconds";

function shares(column) {
  const row = colourings.data.column.indexOf(column);
  const [names, colours, hatches, title] = ["names", "colours", "hatches", "title"].map((name) => colourings.data[name][row]);
  const counts = new Map();
  for (const i of chosen) counts.set(data[column][i], (counts.get(data[column][i]) ?? 0) + 1);
  const scored = column === "cluster" ? chosen.length : chosen.length - (counts.get(-1) ?? 0);
  if (!scored) return `<h4>${safe(title)}</h4><p class="quiet">none here</p>`;
  const order = [...counts].filter(([code]) => code >= 0 || column === "cluster").sort((a, b) => b[1] - a[1]);
  const bars = order.slice(0, 4).map(([code, count]) => {
    const [name, background] = code < 0 ? ["in no cluster", grey] : [names[code], paint(colours[code], hatches[code])];
    return `<tr><td>${safe(name)}</td><td class="bar"><i style="width:${(100 * count) / scored}%;background:${background}"></i></td><td>${percent(count / scored)}</td></tr>`;
  });
  const basis = column === "cluster" ? "" : ` <span class="quiet">of ${scored.toLocaleString("en")} scored</span>`;
  const more = order.length > 4 ? `<tr><td class="quiet">and ${order.length - 4} more</td><td></td><td></td></tr>` : "";
  return `<h4>${safe(title)}${basis}</h4><table>${bars.join("")}${more}</table>`;
}

function listBouts() {
  const bouts = new Map();
  for (const i of chosen) bouts.set([data.video[i], data.pair[i], data.start[i]].join(" "), i);
  const list = [...bouts.values()].sort((a, b) => data.video[a] - data.video[b] || data.start[a] - data.start[b]);
  const columns = { point: [], video: [], pair: [], time: [], seconds: [], cluster: [] };
  const names = hasClusters ? colourings.data.names[colourings.data.column.indexOf("cluster")] : [];
  for (const i of list.slice(0, 1000)) {
    columns.point.push(i);
    columns.video.push(videos[data.video[i]]);
    columns.pair.push(pairs[data.pair[i]]);
    columns.time.push(data.start[i]);
    columns.seconds.push(data.stop[i] - data.start[i]);
    columns.cluster.push(hasClusters && data.cluster[i] >= 0 ? names[data.cluster[i]] : "in none");
  }
  return [columns, list.length];
}

if (!chosen.length) {
  summary.text = hint;
  setColumns(selection, { point: [], video: [], pair: [], time: [], seconds: [], cluster: [] });
  setColumns(stills, { point: [] });
} else {
  const [columns, total] = listBouts();
  const cut = total > 1000 ? ", of which the first 1,000 are listed" : "";
  summary.text = `<p><b>${chosen.length.toLocaleString("en")} frames</b>, ${percent(chosen.length / data.x.length)} of those shown, in <b>${total.toLocaleString("en")} ${section}</b>${cut}.</p>`
    + `<div class="shares">${rows.map((row) => `<div>${shares(row)}</div>`).join("")}</div>`;
  setLocally(selection.selected, { indices: [] });
  setColumns(selection, columns);
  setColumns(stills, { point: Array.from({ length: 12 }, (_, n) => chosen[Math.floor(((n + 0.5) * chosen.length) / 12)]).slice(0, chosen.length) });
}
setLocally(selection_table, { visible: chosen.length > 0 });
setLocally(clear, { visible: chosen.length > 0 });
drawStills();

function drawStills() {
  const lines = { xs: [], ys: [], colour: [] }, noses = { x: [], y: [], colour: [] };
  const [length, animals, landmarks] = shape;
  const { x, y } = point_clips.data, unseen = -32768;
  stills.data.point.forEach((point, n) => {
    const first = (point * length + frame_in_clip.data.frame[point]) * animals * landmarks;
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let k = first; k < first + animals * landmarks; k++) {
      if (x[k] === unseen) continue;
      left = Math.min(left, x[k]); right = Math.max(right, x[k]); top = Math.min(top, y[k]); bottom = Math.max(bottom, y[k]);
    }
    const size = 1.25 * Math.max(150, right - left, bottom - top);
    const px = (k) => (n % 6) + 0.5 + (x[k] - (left + right) / 2) / size;
    const py = (k) => Math.floor(n / 6) + 0.5 + (y[k] - (top + bottom) / 2) / size;
    for (let animal = 0; animal < animals; animal++) {
      const nose = first + animal * landmarks, colour = animalColours[animal];
      if (x[nose] !== unseen) { noses.x.push(px(nose)); noses.y.push(py(nose)); noses.colour.push(colour); }
      for (const [a, b] of edges) {
        const [j, k] = [nose + a, nose + b];
        if (x[j] === unseen || x[k] === unseen) continue;
        lines.xs.push([px(j), px(k)]); lines.ys.push([py(j), py(k)]); lines.colour.push(colour);
      }
    }
  });
  setColumns(still_lines, lines);
  setColumns(still_noses, noses);
  setLocally(stills_figure, { visible: chosen.length > 0 });
}
