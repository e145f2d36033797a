// What all callbacks need: texts that are safe to put into a page, times, and columns changed without telling a server.
const safe = (text) => String(text).replace(/[&<>"'`]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
const quietly = (model, values) => model.setv(values, { sync: false });
const show = (source, columns) => quietly(source, { data: columns });
const swatch = (colour) => `<i style="background:${safe(colour)}"></i>`;
const percent = (share) => (share >= 0.0995 ? `${Math.round(100 * share)} %` : `${(100 * share).toFixed(1)} %`);
let asks = 0;
function ask(asked, moment) {
  asks += 1;
  asked.data = Object.fromEntries(["video", "agent", "target", "frame"].map((name) => [name, [moment[name]]]).concat([["count", [Date.now() + asks]]]));
}
function momentOf(points, i) {
  return Object.fromEntries(["video", "agent", "target", "frame"].map((name) => [name, points.data[name][i]]));
}
