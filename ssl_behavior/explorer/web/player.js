// Plays the clip: skeletons with the trail of the last seconds, their place on the map, and the moment in the ethogram.
const shown = clip.data;
if (shown.frames === undefined || !shown.frames.length) {
  setLocally(caption, { text: "<p class='quiet'>Nothing plays: click a point on the map.</p>" });
} else {
  const [frames, animals, landmarks, rate, first] = ["frames", "animals", "landmarks", "rate", "first"].map((name) => shown[name][0]);
  const xs = shown.x[0], ys = shown.y[0];
  const trailFrames = Math.round(rate * 1.5);
  const indexOf = (frame, animal, landmark) => (frame * animals + animal) * landmarks + landmark;
  const isSeen = (i) => xs[i] !== -32768;
  const bodyLengths = (values, i) => values[i] / 100;

  function aimCamera() {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < xs.length; i++) {
      if (!isSeen(i) || Math.floor(i / landmarks) % animals > 1) continue;
      left = Math.min(left, bodyLengths(xs, i)); right = Math.max(right, bodyLengths(xs, i));
      top = Math.min(top, bodyLengths(ys, i)); bottom = Math.max(bottom, bodyLengths(ys, i));
    }
    if (left > right) [left, right, top, bottom] = [-1.5, 1.5, -1.5, 1.5];
    const width = player.inner_width || 320, height = player.inner_height || 320;
    const unit = Math.max((right - left + 0.5) / width, (bottom - top + 0.9) / height, 2.5 / width);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2 + 0.15];
    setLocally(player.x_range, { start: x - (unit * width) / 2, end: x + (unit * width) / 2 });
    setLocally(player.y_range, { start: y + (unit * height) / 2, end: y - (unit * height) / 2 });  // y of a video runs down
    const [barLeft, barY] = [x - (unit * width) / 2 + 10 * unit, y + (unit * height) / 2 - 10 * unit];
    setColumns(scale_bar, { xs: [[barLeft, barLeft + 1]], ys: [[barY, barY]], x: [barLeft], y: [barY - 6 * unit], text: ["1 body length"] });
  }

  function draw(frame) {
    const lines = { xs: [], ys: [], colour: [], alpha: [], width: [] };
    const dots = { x: [], y: [], colour: [], size: [], alpha: [] };
    const line = (x, y, colour, alpha, width) => {
      lines.xs.push(x); lines.ys.push(y); lines.colour.push(colour); lines.alpha.push(alpha); lines.width.push(width);
    };
    for (let animal = animals - 1; animal >= 0; animal--) {
      const colour = animalColours[animal] ?? "#9A9A9A";
      if (trail.active) drawTrail(animal, frame, (x, y, alpha) => line(x, y, colour, alpha, 5));
      for (const [a, b] of edges) {
        const [i, j] = [indexOf(frame, animal, a), indexOf(frame, animal, b)];
        if (isSeen(i) && isSeen(j)) line([bodyLengths(xs, i), bodyLengths(xs, j)], [bodyLengths(ys, i), bodyLengths(ys, j)], colour, 1, 4);
      }
      for (let landmark = 0; landmark < landmarks; landmark++) {
        const i = indexOf(frame, animal, landmark);
        if (!isSeen(i)) continue;
        dots.x.push(bodyLengths(xs, i)); dots.y.push(bodyLengths(ys, i)); dots.colour.push(colour); dots.alpha.push(1);
        dots.size.push(landmark ? 7 : 12);  // the first landmark is the foremost
      }
    }
    setColumns(skeletons, lines);
    setColumns(keypoints, dots);
    const seconds = (first + frame) / rate;
    setColumns(cursor, { x: [seconds] });
    drawOnMap(frame);
    writeCaption(seconds, dots.x.length > 0);
  }

  function drawTrail(animal, frame, line) {
    let before = null;
    for (let past = Math.max(0, frame - trailFrames); past <= frame; past++) {
      const i = indexOf(past, animal, middle);
      const position = isSeen(i) ? [bodyLengths(xs, i), bodyLengths(ys, i)] : null;
      if (position && before) line([before[0], position[0]], [before[1], position[1]], 0.08 + 0.45 * (1 - (frame - past) / trailFrames));
      before = position;
    }
  }

  function drawOnMap(frame) {
    const { map_x: [x], map_y: [y] } = shown;
    const isPath = x.length === frames;  // a page without a server has the position of one frame only
    const last = isPath ? frame : 0, start = Math.max(0, last - trailFrames);
    setColumns(map_position, { x: [x[last]], y: [y[last]] });
    setColumns(map_path, { x: Array.from(x.slice(start, last + 1)), y: Array.from(y.slice(start, last + 1)) });
  }

  function writeCaption(seconds, anySeen) {
    // A new text makes Bokeh lay out the page again, so that a playing clip has a few a second and no more.
    const isPlaying = cb_obj === playhead && play.active;
    if (isPlaying && Date.now() - (caption.written ?? 0) < 250) return;
    caption.written = Date.now();
    const native = Math.round(seconds * shown.native_rate[0]);
    const [agent, target] = shown.names[0];
    const pair = `<b style="color:${animalColours[0]}">${safe(agent)}</b>`
      + (target === undefined ? "" : ` to <b style="color:${animalColours[1]}">${safe(target)}</b>`);
    setLocally(caption, { text: `<p><b>video ${safe(shown.title[0])}</b>, ${clock(seconds)}, frame ${native}<br>${pair}</p>`
      + `<p class="now">${currentBouts(seconds).join(" ")}</p>${anySeen ? "" : "<p class='quiet'>no keypoint is seen here</p>"}` });
  }

  function currentBouts(seconds) {
    const { left, right, row, name, colour, hatch } = drawn_bouts.data;
    if (!row) return [];
    const current = new Map();
    for (let i = 0; i < left.length; i++) if (left[i] <= seconds && seconds < right[i]) current.set(row[i], i);
    return [...current.values()].sort((a, b) => row[a] - row[b]).map((i) => `<span>${swatch(colour[i], hatch[i])}${safe(name[i])}</span>`);
  }

  const isNew = cb_obj === clip || player.timer === undefined;
  if (isNew) {
    clearInterval(player.timer);
    aimCamera();
    player.frame = shown.frame_in_clip[0];
    setLocally(playhead, { end: Math.max(1, frames - 1), value: player.frame });
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) setLocally(play, { active: false });
    else if (!play.active) setLocally(play, { active: true });
  }
  if (cb_obj === playhead && playhead.value !== player.frame) setLocally(play, { active: false });
  if (isNew || [play, speed, playhead].includes(cb_obj)) setLocally(play, { label: play.active ? "❚❚ Pause" : "▶ Play" });
  if (isNew || [play, speed].includes(cb_obj)) {
    clearInterval(player.timer);
    if (play.active) {
      player.timer = setInterval(() => {
        if (document.hidden) return;
        player.frame = (playhead.value + 1) % clip.data.frames[0];
        setLocally(playhead, { value: player.frame });
      }, 1000 / (rate * [0.25, 0.5, 1, 2][speed.active]));
    }
  }
  draw(Math.min(playhead.value, frames - 1));
}
