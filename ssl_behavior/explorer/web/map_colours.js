// Colours the map by the value in the menu, greys out the categories that are not chosen, and writes the legend.
const row = colourings.data.column.indexOf(colour_by.value);
const [names, colours, hatches, low, high, note] = ["names", "colours", "hatches", "low", "high", "note"].map((name) => colourings.data[name][row]);
const isCategories = colourings.data.is_categories[row];

if (cb_obj !== show_only) {
  const options = names.map((name, code) => [String(code), name]);
  setLocally(show_only, { options: [["", "everything"], ...(isCategories ? options : [])], disabled: !isCategories });
  if (cb_obj === colour_by || !options.some(([code]) => code === show_only.value)) setLocally(show_only, { value: "" });
}
const chosen = show_only.value === "" ? null : Number(show_only.value);
const pale = "#E4E4E4";
const palette = colours.map((colour, code) => (chosen === null || chosen === code ? colour : pale));
const margin = isCategories ? 0.5 : 0;
const rest = chosen === null ? grey : pale;
setLocally(colour_mapper, { palette: palette.length ? palette : [grey], low: low - margin, high: high + margin, low_color: isCategories ? rest : null, nan_color: rest });
points.data.value.set(points.data[colour_by.value]);
points.change.emit();
numbers.visible = colour_by.value === "cluster";

const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(2).replace(/\.0$/, ""));
if (isCategories) {
  const label = (name, code) => (colour_by.value !== "cluster" ? name : name === `cluster ${code}` ? code : `${code} ${name}`);
  const entries = names.map((name, code) => `<span>${swatch(palette[code], hatches[code])}${safe(label(name, code))}</span>`);
  legend.text = `<div class="legend">${entries.join("")}</div><p class="quiet">${safe(note)}</p>`;
} else {
  const ramp = colours.filter((_, i) => i % 15 === 0).join(",");
  legend.text = `<div class="ramp"><b>${digits(low)}</b><i style="background:linear-gradient(90deg,${ramp})"></i><b>${digits(high)}</b>`
    + ` ${safe(colourings.data.title[row])}</div><p class="quiet">${safe(note)}</p>`;
}
