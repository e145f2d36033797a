// Without a server, lists the points of the page that are most similar to the one that plays.
const point = clip.data.point ? clip.data.point[0] : -1;
const data = points.data;
const row = colourings.data.column.indexOf("cluster");
const columns = { point: [], video: [], pair: [], time: [], cluster: [], similarity: [], x: [], y: [] };
for (let n = 0; point >= 0 && n < per_point; n++) {
  const match = nearest.data.point[point * per_point + n];
  if (match < 0) continue;
  columns.point.push(match);
  columns.video.push(ids[data.video[match]]);
  columns.pair.push(pairs[data.pair[match]]);
  columns.time.push(data.seconds[match]);
  columns.cluster.push(row < 0 || data.cluster[match] < 0 ? "in none" : colourings.data.names[row][data.cluster[match]]);
  columns.similarity.push(nearest.data.similarity[point * per_point + n] / 10000);
  columns.x.push(data.x[match]);
  columns.y.push(data.y[match]);
}
setLocally(matches.selected, { indices: [] });
setColumns(matches, columns);
search_message.text = columns.point.length
  ? `<p><b>${columns.point.length} moments</b> of those on this page are most similar to this one. The map shows them as circles.</p>`
  : "<p>No other moment on this page is similar to this one.</p>";
setLocally(matches_table, { visible: columns.point.length > 0 });
