// Colours the map by what the menu says, greys out what is not chosen, and says what the colours mean.
const row = colourings.data.column.indexOf(by.value);
const names = colourings.data.names[row], colours = colourings.data.colours[row];
const [low, high, note] = ["low", "high", "note"].map((name) => colourings.data[name][row]);
const isCategories = colourings.data.is_categories[row];

if (cb_obj !== only) {
  const numbered = names.map((name, code) => [String(code), name]);
  quietly(only, { options: [["", "everything"], ...(isCategories ? numbered : [])], disabled: !isCategories });
  if (cb_obj === by || !numbered.some(([code]) => code === only.value)) quietly(only, { value: "" });
}
const chosen = only.value === "" ? null : Number(only.value);
const pale = "#E4E4E4";
const shown = colours.map((colour, code) => (chosen === null || chosen === code ? colour : pale));
const step = isCategories ? 0.5 : 0;
const rest = chosen === null ? grey : pale;
quietly(mapper, { palette: shown.length ? shown : [grey], low: low - step, high: high + step, low_color: isCategories ? rest : null, nan_color: rest });
points.data.value.set(points.data[by.value]);
points.change.emit();
numbers.visible = by.value === "cluster";

const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(2).replace(/\.0$/, ""));
if (isCategories) {
  const told = (name, code) => (by.value !== "cluster" ? name : name === `cluster ${code}` ? code : `${code} ${name}`);
  const chips = names.map((name, code) => `<span>${swatch(shown[code])}${safe(told(name, code))}</span>`).join("");
  legend.text = `<div class="legend">${chips}</div><p class="quiet">${safe(note)}</p>`;
} else {
  const ramp = colours.filter((_, i) => i % 15 === 0).join(",");
  legend.text = `<div class="ramp"><b>${digits(low)}</b><i style="background:linear-gradient(90deg,${ramp})"></i><b>${digits(high)}</b>`
    + ` ${safe(colourings.data.title[row])}</div><p class="quiet">${safe(note)}</p>`;
}
