// The ethogram of the video that plays: its bouts out of all that are here, in the colours of today.
const own = clip.data;
if (own.frames !== undefined && own.frames.length) {
  const { video, agent, target, row, code, left, right } = strips.data;
  const of = (name, i) => kinds.data[name][offsets[row[i]] + code[i]];
  const drawn = { left: [], right: [], top: [], bottom: [], row: [], name: [], colour: [], hatch: [], what: [], from: [], until: [] };
  for (let i = 0; i < left.length; i++) {
    if (video[i] !== own.video[0] || agent[i] !== own.agent[0] || target[i] !== own.target[0]) continue;
    const middle = rows.length - 1 - row[i];
    drawn.left.push(left[i]); drawn.right.push(right[i]); drawn.top.push(middle + 0.4); drawn.bottom.push(middle - 0.4);
    drawn.row.push(row[i]); drawn.name.push(of("name", i)); drawn.colour.push(of("colour", i)); drawn.hatch.push(of("hatch", i));
    drawn.what.push(rows[row[i]]); drawn.from.push(clock(left[i])); drawn.until.push(clock(right[i]));
  }
  show(bouts, drawn);
  const seconds = own.seconds[0];
  if (strip.shown !== own.video[0]) {
    strip.x_range.setv({ start: 0, end: seconds, reset_start: 0, reset_end: seconds, bounds: [0, seconds] }, { sync: false });
    strip.shown = own.video[0];
  }
  const told = own.names[0].slice(0, 2).map(safe).join(" to ");
  quietly(heading, { text: `<p><b>Ethogram of video ${safe(own.title[0])}</b>, ${told} <span class="quiet">${drawn.left.length ? "click to play a moment, scroll to zoom" : "nothing is known of this pair here"}</span></p>${key()}` });
}

function key() {
  const parts = rows.map((title, place) => {
    if (place === 0) return "";
    const names = kinds.data.name.slice(offsets[place], offsets[place + 1] ?? kinds.data.name.length);
    return `<span class="row">${safe(title)}</span>` + names.map((name, i) => `<span>${swatch(kinds.data.colour[offsets[place] + i])}${safe(name)}</span>`).join("");
  });
  return `<div class="legend">${parts.join("")}</div>`;
}
