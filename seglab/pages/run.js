
// A chart tells its values: of the place under the mouse, or of the next one by the arrow keys.
for (const figure of document.querySelectorAll(".curves:has(svg[data-chart])")) {
  const svg = figure.querySelector("svg[data-chart]");
  const { x, range, lines } = data.charts[svg.dataset.chart];
  const [cross, readout] = [svg.querySelector(".cross"), figure.querySelector(".readout")];
  const buttons = figure.querySelector(".legend").children;
  const places = [...new Set(lines.flatMap(([, , points]) => points.map(([place]) => place)))].sort((a, b) => a - b);
  let at = places.length - 1;
  const tell = (index) => {
    at = Math.max(0, Math.min(places.length - 1, index));
    const place = places[at];
    const across = range[1] > range[0] ? (place - range[0]) / (range[1] - range[0]) : 0.5;
    for (const end of ["x1", "x2"]) cross.setAttribute(end, `${100 * across}%`);
    cross.classList.remove("hidden");
    const told = lines
      .filter(([, group]) => buttons[group].getAttribute("aria-pressed") === "true")
      .map(([label, , points]) => [label, points.find(([there]) => there === place)])
      .filter(([, point]) => point)
      .map(([label, point]) => `${label} ${point[1]}`);
    readout.textContent = `${x} ${Number(place.toFixed(2))}: ${told.join(", ") || "nothing is shown"}`;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = range[0] + ((event.clientX - box.left) / box.width) * (range[1] - range[0]);
    const far = places.map((there) => Math.abs(there - place));
    tell(far.indexOf(Math.min(...far)));
  });
  svg.addEventListener("keydown", (event) => {
    const index = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: places.length - 1 }[event.key];
    if (index === undefined) return;
    event.preventDefault();
    tell(index);
  });
  svg.addEventListener("focus", () => tell(at));
}

// The confusion matrices: the cell in focus in words.
const inPercent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "none");
for (const table of document.querySelectorAll("table.confusion")) {
  const { names, columns, counts } = data.confusions[table.dataset.confusion];
  grid(table, [...table.tBodies[0].rows], (cell) => {
    const [row, column] = [cell.parentElement.sectionRowIndex, cell.cellIndex - 1];
    const count = counts[row][column];
    const truth = counts[row].reduce((sum, one) => sum + one, 0);
    const predicted = counts.reduce((sum, line) => sum + line[column], 0);
    const pixels = `${count.toLocaleString("en")} pixels`;
    return `${names[row]} predicted as ${columns[column]}: ${pixels}, ${inPercent(count, truth)} of the ground truth, `
      + `${inPercent(count, predicted)} of the prediction`;
  });
}

// The pictures of one epoch at a time.
for (const panels of document.querySelectorAll(".panels")) {
  const slider = panels.querySelector("input");
  if (!slider) continue;
  const images = [...panels.querySelectorAll("img")];
  const output = panels.querySelector("output");
  const show = () => {
    images.forEach((image, index) => { image.hidden = index !== Number(slider.value); });
    const { told } = images[slider.value].dataset;
    output.textContent = told;
    slider.setAttribute("aria-valuetext", told);
  };
  slider.addEventListener("input", show);
  show();
}
