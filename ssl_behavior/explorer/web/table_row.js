// A click on a row plays its moment; a row of points on the map has their index, any other has a moment.
const row = cb_obj.indices[0];
if (row !== undefined) {
  const point = rows.data.point ? rows.data.point[row] : -1;
  if (point >= 0) requestMoment(request, momentOf(points, point));
  else requestMoment(request, Object.fromEntries(momentNames.map((name) => [name, rows.data[`at_${name}`][row]])));
}
