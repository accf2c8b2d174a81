
// Where the numbers of a row come from.
const dialog = document.querySelector("dialog");
for (const table of document.querySelectorAll("table.scores")) {
  table.tHead.addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.key;
    if (key) open(key);
  });
  table.tBodies[0].addEventListener("click", (event) => {
    if (getSelection().toString()) return; // somebody copies a number
    const cell = event.target.closest("td");
    const key = cell?.dataset.key ?? event.target.closest("tr").dataset.key;
    if (key) open(key, cell?.dataset.column); // what is not measured has no origin
  });
}

function open(key, column) {
  const row = data[key];
  const panel = dialog.querySelector(".details");
  panel.replaceChildren();
  dialog.querySelector("h2").textContent = row.label;
  if (row.note) add(panel, "p", row.note);
  if (row.scores.length) {
    list(panel, row.scores.map((score) => [score.title, score.lines, score.column === column]));
  }
  list(panel, row.facts);
  for (const run of row.runs) {
    add(panel, "h3", run.title);
    list(panel, run.facts);
  }
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function list(parent, facts) {
  const terms = add(parent, "dl");
  for (const [name, value, chosen] of facts) {
    add(terms, "dt", name, chosen ? "chosen" : "");
    const told = add(terms, "dd", undefined, chosen ? "chosen" : "");
    for (const line of [value].flat()) add(told, "div", line);
  }
}

dialog.querySelector(".close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // beside the panel

// The heat map.
for (const table of document.querySelectorAll("table.heat")) {
  const rows = [...table.tBodies[0].rows].filter((row) => !row.classList.contains("reference"));
  grid(table, rows, (cell) => cell.title);
  table.closest("section").querySelector(".intervals input").addEventListener("change", (event) => {
    table.classList.toggle("spreads", event.target.checked);
  });
}
