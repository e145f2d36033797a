// Draws the ethogram of the pair that plays, out of all bouts in the page.
const shown = clip.data;
if (shown.frames !== undefined && shown.frames.length) {
  const { video, agent, target, row, code, left, right } = bouts.data;
  const style = (name, i) => bout_styles.data[name][first_codes[row[i]] + code[i]];
  const drawn = { left: [], right: [], top: [], bottom: [], row: [], name: [], colour: [], hatch: [], row_name: [], from: [], until: [] };
  for (let i = 0; i < left.length; i++) {
    if (video[i] !== shown.video[0] || agent[i] !== shown.agent[0] || target[i] !== shown.target[0]) continue;
    const middle = rows.length - 1 - row[i];
    drawn.left.push(left[i]); drawn.right.push(right[i]); drawn.top.push(middle + 0.4); drawn.bottom.push(middle - 0.4);
    drawn.row.push(row[i]); drawn.name.push(style("name", i)); drawn.colour.push(style("colour", i)); drawn.hatch.push(style("hatch", i));
    drawn.row_name.push(rows[row[i]]); drawn.from.push(clock(left[i])); drawn.until.push(clock(right[i]));
  }
  setColumns(drawn_bouts, drawn);
  const seconds = shown.seconds[0];
  if (ethogram.video !== shown.video[0]) {
    ethogram.x_range.setv({ start: 0, end: seconds, reset_start: 0, reset_end: seconds, bounds: [0, seconds] }, { sync: false });
    ethogram.video = shown.video[0];
  }
  const names = shown.names[0].slice(0, 2).map(safe).join(" to ");
  const hint = drawn.left.length ? "click to play a moment, scroll to zoom" : "no cluster, label or prediction of this pair";
  setLocally(ethogram_title, { text: `<p><b>Ethogram of video ${safe(shown.title[0])}</b>, ${names} <span class="quiet">${hint}</span></p>${key()}` });
}

function key() {
  const { name, colour, hatch } = bout_styles.data;
  const parts = keyed_rows.map((row) => {
    const codes = Array.from(name.keys()).slice(first_codes[row], first_codes[row + 1] ?? name.length);
    return `<span class="row">${safe(rows[row])}</span>` + codes.map((i) => `<span>${swatch(colour[i], hatch[i])}${safe(name[i])}</span>`).join("");
  });
  const unscored = keyed_rows.length ? `<span>${swatch("#EDEDED")}unscored</span>` : "";
  return `<div class="legend">${parts.join("")}${unscored}</div>`;
}
