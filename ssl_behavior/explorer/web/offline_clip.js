// Without a server, the clip is that of the nearest point of the same pair in the page.
const wanted = Object.fromEntries(Object.entries(request.data).map(([name, values]) => [name, values[0]]));
const data = points.data;
let point = -1, least = Infinity;
for (let i = 0; i < data.x.length; i++) {
  if (data.video[i] !== wanted.video || data.agent[i] !== wanted.agent || data.target[i] !== wanted.target) continue;
  const distance = Math.abs(data.frame[i] - wanted.frame);
  if (distance < least) [point, least] = [i, distance];
}
if (point >= 0) {
  const [length, animals, landmarks] = shape;
  const size = length * animals * landmarks, from = point * size;
  const frame = frame_in_clip.data.frame[point], video = wanted.video;
  clip.data = {
    x: [point_clips.data.x.slice(from, from + size)], y: [point_clips.data.y.slice(from, from + size)],
    frames: [length], animals: [animals], landmarks: [landmarks], frame_in_clip: [frame], first: [data.frame[point] - frame],
    rate: [rate], native_rate: [videos.data.native_rate[video]], seconds: [videos.data.seconds[video]], title: [ids[video]],
    video: [video], agent: [wanted.agent], target: [wanted.target], frame: [data.frame[point]], point: [point],
    names: [individuals[data.pair[point]]], map_x: [data.x.slice(point, point + 1)], map_y: [data.y.slice(point, point + 1)],
  };
}
