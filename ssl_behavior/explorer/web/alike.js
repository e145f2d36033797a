// Without a server, what is like the moment that plays, out of the points of the page.
const i = clip.data.point ? clip.data.point[0] : -1;
const data = points.data;
const names = colourings.data.names[colourings.data.column.indexOf("cluster")];
const columns = { point: [], video: [], pair: [], time: [], cluster: [], similarity: [], x: [], y: [] };
for (let n = 0; i >= 0 && n < each; n++) {
  const other = alike.data.point[i * each + n];
  if (other < 0) continue;
  columns.point.push(other);
  columns.video.push(videos[data.video[other]]);
  columns.pair.push(pairs[data.pair[other]]);
  columns.time.push(data.seconds[other]);
  columns.cluster.push(data.cluster[other] < 0 ? "in none" : names[data.cluster[other]]);
  columns.similarity.push(alike.data.similarity[i * each + n] / 10000);
  columns.x.push(data.x[other]);
  columns.y.push(data.y[other]);
}
quietly(found.selected, { indices: [] });
show(found, columns);
answer.text = columns.point.length
  ? `<p><b>${columns.point.length} moments</b> of those on this page are most like this one, circled on the map.</p>`
  : "<p>Nothing on this page is like this moment.</p>";
quietly(table, { visible: columns.point.length > 0 });
