// Without a server: the clip is that of the nearest point of the page, and what is like it was looked up before.
const wanted = Object.fromEntries(Object.entries(asked.data).map(([name, values]) => [name, values[0]]));
const data = points.data;
let best = -1, least = Infinity;
for (let i = 0; i < data.x.length; i++) {
  if (data.video[i] !== wanted.video || data.agent[i] !== wanted.agent || data.target[i] !== wanted.target) continue;
  const away = Math.abs(data.frame[i] - wanted.frame);
  if (away < least) [best, least] = [i, away];
}
if (best >= 0) {
  const [length, animals, landmarks] = shape;
  const size = length * animals * landmarks, from = best * size;
  const first = data.frame[best] - at.data.at[best];
  const video = wanted.video;
  clip.data = {
    x: [clips.data.x.slice(from, from + size)], y: [clips.data.y.slice(from, from + size)],
    frames: [length], animals: [animals], landmarks: [landmarks], at: [at.data.at[best]], first: [first], rate: [rate],
    native_rate: [about.data.native_rate[video]], seconds: [about.data.seconds[video]], title: [videos[video]], video: [video],
    agent: [wanted.agent], target: [wanted.target], point: [best],
    names: [sides[data.pair[best]]], map_x: [data.x.slice(best, best + 1)], map_y: [data.y.slice(best, best + 1)],
  };
}
