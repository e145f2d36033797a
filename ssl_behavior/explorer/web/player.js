// Plays the clip: skeletons with what they did in the second before, and where in the ethogram this is.
const now = clip.data;
if (now.frames === undefined || !now.frames.length) {
  quietly(told, { text: "<p class='quiet'>Nothing is playing: click a point on the map.</p>" });
} else {
  const [frames, animals, landmarks, rate, first] = ["frames", "animals", "landmarks", "rate", "first"].map((name) => now[name][0]);
  const xs = now.x[0], ys = now.y[0];
  const colours = ["#D55E00", "#0072B2"];  // agent, target; others are grey
  const at = (frame, who, k) => (frame * animals + who) * landmarks + k;
  const known = (i) => xs[i] !== -32768;
  const place = (values, i) => values[i] / 100;

  function camera() {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < xs.length; i++) {
      if (!known(i) || Math.floor(i / landmarks) % animals > 1) continue;
      left = Math.min(left, place(xs, i)); right = Math.max(right, place(xs, i));
      top = Math.min(top, place(ys, i)); bottom = Math.max(bottom, place(ys, i));
    }
    if (left > right) [left, right, top, bottom] = [-1.5, 1.5, -1.5, 1.5];
    const wide = stage.inner_width || 320, tall = stage.inner_height || 320;
    const unit = Math.max((right - left + 0.5) / wide, (bottom - top + 0.9) / tall, 2.5 / wide);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2 + 0.15];
    quietly(stage.x_range, { start: x - (unit * wide) / 2, end: x + (unit * wide) / 2 });
    quietly(stage.y_range, { start: y + (unit * tall) / 2, end: y - (unit * tall) / 2 });  // y of a video runs down
    const [low, foot] = [x - (unit * wide) / 2 + 10 * unit, y + (unit * tall) / 2 - 10 * unit];
    show(scale, { xs: [[low, low + 1]], ys: [[foot, foot]], x: [low], y: [foot - 6 * unit], text: ["1 body length"] });
  }

  function draw(frame) {
    const lines = { xs: [], ys: [], colour: [], alpha: [], width: [] };
    const dots = { x: [], y: [], colour: [], size: [], alpha: [] };
    const line = (x, y, colour, alpha, width) => {
      lines.xs.push(x); lines.ys.push(y); lines.colour.push(colour); lines.alpha.push(alpha); lines.width.push(width);
    };
    for (let who = animals - 1; who >= 0; who--) {
      const colour = colours[who] ?? "#9A9A9A";
      if (trail.active) path(who, frame, (x, y, alpha) => line(x, y, colour, alpha, 5));
      for (const [a, b] of edges) {
        const [i, j] = [at(frame, who, a), at(frame, who, b)];
        if (known(i) && known(j)) line([place(xs, i), place(xs, j)], [place(ys, i), place(ys, j)], colour, 1, 4);
      }
      for (let k = 0; k < landmarks; k++) {
        const i = at(frame, who, k);
        if (!known(i)) continue;
        dots.x.push(place(xs, i)); dots.y.push(place(ys, i)); dots.colour.push(colour); dots.alpha.push(1);
        dots.size.push(k ? 7 : 12);  // the first landmark is the foremost
      }
    }
    show(bodies, lines);
    show(joints, dots);
    const seconds = (first + frame) / rate;
    show(cursor, { x: [seconds] });
    wander(frame);
    quietly(told, { text: caption(seconds, dots.x.length > 0) });
  }

  function wander(frame) {  // over the map, where it is known of every frame; else the place of the moment itself
    const { map_x: [x], map_y: [y] } = now;
    const isWhole = x.length === frames, last = isWhole ? frame : 0, from = Math.max(0, last - Math.round(rate * 1.5));
    show(here, { x: [x[last]], y: [y[last]] });
    show(wake, { x: Array.from(x.slice(from, last + 1)), y: Array.from(y.slice(from, last + 1)) });
  }

  function path(who, frame, line) {
    const back = Math.round(rate * 1.5);
    let before = null;
    for (let past = Math.max(0, frame - back); past <= frame; past++) {
      const i = at(past, who, middle);
      const here = known(i) ? [place(xs, i), place(ys, i)] : null;
      if (here && before) line([before[0], here[0]], [before[1], here[1]], 0.08 + 0.45 * (1 - (frame - past) / back));
      before = here;
    }
  }

  function caption(seconds, seen) {
    const native = Math.round(seconds * now.native_rate[0]);
    const rows = bouts.data.row ? rowsAt(seconds) : [];
    const [agent, target] = [safe(now.names[0][0]), now.names[0][1]];
    const pair = `<b style="color:${colours[0]}">${agent}</b>`
      + (target === undefined ? "" : ` to <b style="color:${colours[1]}">${safe(target)}</b>`);
    return `<p><b>video ${safe(now.title[0])}</b>, ${clock(seconds)}, frame ${native}<br>${pair}</p>`
      + `<p class="now">${rows.join(" ")}</p>${seen ? "" : "<p class='quiet'>no keypoint is seen here</p>"}`;
  }

  function rowsAt(seconds) {
    const { left, right, row, name, colour } = bouts.data;
    const found = new Map();
    for (let i = 0; i < left.length; i++) if (left[i] <= seconds && seconds < right[i]) found.set(row[i], i);
    return [...found.values()].sort((a, b) => row[a] - row[b]).map((i) => `<span>${swatch(colour[i])}${safe(name[i])}</span>`);
  }

  const isNew = cb_obj === clip || stage.timer === undefined;
  if (isNew) {
    clearInterval(stage.timer);
    camera();
    stage.reached = now.at[0];
    quietly(head, { end: Math.max(1, frames - 1), value: stage.reached });
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) quietly(play, { active: false });
    else if (!play.active) quietly(play, { active: true });
  }
  if (cb_obj === head && head.value !== stage.reached) quietly(play, { active: false });
  if (isNew || [play, speed, head].includes(cb_obj)) quietly(play, { label: play.active ? "❚❚ Pause" : "▶ Play" });
  if (isNew || [play, speed].includes(cb_obj)) {
    clearInterval(stage.timer);
    if (play.active) {
      stage.timer = setInterval(() => {
        if (document.hidden) return;
        stage.reached = (head.value + 1) % clip.data.frames[0];
        quietly(head, { value: stage.reached });
      }, 1000 / (rate * [0.25, 0.5, 1, 2][speed.active]));
    }
  }
  draw(Math.min(head.value, frames - 1));
}
