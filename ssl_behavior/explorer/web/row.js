// A click on a row plays it: of points on the map by their place, of others by their moment.
const rowAt = cb_obj.indices[0];
if (rowAt !== undefined) {
  const i = listed.data.point ? listed.data.point[rowAt] : -1;
  if (i >= 0) ask(asked, momentOf(points, i));
  else ask(asked, Object.fromEntries(["video", "agent", "target", "frame"].map((name) => [name, listed.data[`at_${name}`][rowAt]])));
}
