// A click on the map plays the nearest point; one on the ethogram plays that moment of the video.
if (cb_obj.origin.name === "map") {
  const { x, y } = points.data;
  let best = -1, least = Infinity;
  for (let i = 0; i < x.length; i++) {
    const away = (x[i] - cb_obj.x) ** 2 + (y[i] - cb_obj.y) ** 2;
    if (away < least) [best, least] = [i, away];
  }
  const perPixel = (map.x_range.end - map.x_range.start) / map.inner_width;
  if (best >= 0 && Math.sqrt(least) < 25 * perPixel) ask(asked, momentOf(points, best));
} else if (cb_obj.origin.name === "stills") {
  const place = Math.floor(cb_obj.x) + Math.floor(cb_obj.y) * 6;
  const i = stills.data.point ? stills.data.point[place] : undefined;
  if (i !== undefined) ask(asked, momentOf(points, i));
} else if (clip.data.frames !== undefined && clip.data.frames.length) {
  const { video, agent, target, rate } = clip.data;
  const frame = Math.round(Math.max(0, Math.min(cb_obj.x, strip.x_range.bounds ? strip.x_range.bounds[1] : cb_obj.x)) * rate[0]);
  ask(asked, { video: video[0], agent: agent[0], target: target[0], frame });
}
