// A click on the map plays the nearest point; one on a still plays its point; one on the ethogram plays that moment.
if (cb_obj.origin.name === "map") {
  const { x, y } = points.data;
  let nearest = -1, least = Infinity;
  for (let i = 0; i < x.length; i++) {
    const distance = (x[i] - cb_obj.x) ** 2 + (y[i] - cb_obj.y) ** 2;
    if (distance < least) [nearest, least] = [i, distance];
  }
  const perPixel = (map.x_range.end - map.x_range.start) / map.inner_width;
  if (nearest >= 0 && Math.sqrt(least) < 25 * perPixel) requestMoment(request, momentOf(points, nearest));
} else if (cb_obj.origin.name === "stills_figure") {
  const still = Math.floor(cb_obj.x) + Math.floor(cb_obj.y) * 6;
  const point = stills.data.point ? stills.data.point[still] : undefined;
  if (point !== undefined) requestMoment(request, momentOf(points, point));
} else if (clip.data.frames !== undefined && clip.data.frames.length) {
  const { video, agent, target, rate } = clip.data;
  const end = ethogram.x_range.bounds ? ethogram.x_range.bounds[1] : cb_obj.x;
  const frame = Math.round(Math.max(0, Math.min(cb_obj.x, end)) * rate[0]);
  requestMoment(request, { video: video[0], agent: agent[0], target: target[0], frame });
}
