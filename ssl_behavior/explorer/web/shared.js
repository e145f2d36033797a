// Precedes every callback: texts that are safe in a page, times, and changes that stay in the browser.
const safe = (text) => String(text).replace(/[&<>"'`]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
const setLocally = (model, values) => model.setv(values, { sync: false });
const setColumns = (source, columns) => setLocally(source, { data: columns });
const stripes = (angle) => `repeating-linear-gradient(${angle}deg, rgba(0, 0, 0, .55) 0 1px, transparent 1px 3px)`;
const dots = "radial-gradient(rgba(0, 0, 0, .6) 1px, transparent 1px) 0 0 / 4px 4px";
const hatchings = { "/": stripes(135), x: `${stripes(135)}, ${stripes(45)}`, "+": `${stripes(0)}, ${stripes(90)}`, ".": dots, o: dots };
const paint = (colour, hatch) => (hatchings[hatch] ? `${hatchings[hatch]}, ` : "") + safe(colour);
const swatch = (colour, hatch) => `<i style="background:${paint(colour, hatch)}"></i>`;
const percent = (share) => (share >= 0.0995 ? `${Math.round(100 * share)} %` : `${(100 * share).toFixed(1)} %`);
const animalColours = ["#D55E00", "#0072B2"];  // agent, target; others are grey
const momentNames = ["video", "agent", "target", "frame"];
let requests = 0;
function requestMoment(request, moment) {
  requests += 1;  // so that the same moment can be requested again
  request.data = Object.fromEntries([...momentNames.map((name) => [name, [moment[name]]]), ["count", [Date.now() + requests]]]);
}
function momentOf(points, i) {
  return Object.fromEntries(momentNames.map((name) => [name, points.data[name][i]]));
}
