"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

function add(parent, tag, text, kind) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  parent.append(element);
  return element;
}

// Sorting: largest first (labels from A), then smallest first, then the order of the plan again. What has no value stays last.
function sortBy(head) {
  const table = head.closest("table");
  const body = table.tBodies[0];
  const column = head.cellIndex;
  const turns = column === 0 ? ["ascending", "descending", "none"] : ["descending", "ascending", "none"];
  const turn = turns[(turns.indexOf(head.getAttribute("aria-sort")) + 1) % 3];
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", other === head ? turn : "none");
  const rows = [...body.rows].sort((a, b) => a.dataset.position - b.dataset.position);
  if (turn !== "none") rows.sort((a, b) => compare(a.cells[column], b.cells[column], column, turn));
  body.append(...rows);
}

function compare(a, b, column, turn) {
  const [first, second] = [a.dataset.value, b.dataset.value];
  if (first === undefined || second === undefined) return (first === undefined) - (second === undefined);
  const order = column === 0 ? first.localeCompare(second, "en", { numeric: true }) : first - second;
  return turn === "ascending" ? order : -order;
}

for (const table of document.querySelectorAll("table.scores")) {
  [...table.tBodies[0].rows].forEach((row, index) => { row.dataset.position = index; });
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button.sort");
    if (button) sortBy(button.closest("th"));
  });
}

// The legend of the curves: each button shows and hides the lines of its row.
for (const figure of document.querySelectorAll(".curves")) {
  const lines = (button) => figure.querySelector(`g[data-line="${button.dataset.line}"]`);
  const legend = figure.querySelector(".legend");
  const all = legend.querySelector(".all");
  const buttons = [...legend.children].filter((button) => button !== all);
  const isShown = (button) => button.getAttribute("aria-pressed") === "true";
  const show = (button, shown) => {
    button.setAttribute("aria-pressed", shown);
    lines(button).classList.toggle("hidden", !shown);
  };
  legend.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button === all) {
      const shown = !buttons.some(isShown);
      for (const one of buttons) show(one, shown);
    } else {
      show(button, !isShown(button));
    }
    all.textContent = buttons.some(isShown) ? "hide all" : "show all";
  });
  for (const button of buttons) {
    const mark = (on) => () => {
      figure.classList.toggle("marking", on);
      lines(button).classList.toggle("marked", on);
    };
    for (const [name, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) {
      button.addEventListener(name, mark(on));
    }
  }
}

// A table of cells to look at: one stop of the tabulator key, arrows inside it; the cell in focus is told in words below.
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
function grid(table, rows, told) {
  const cells = rows.map((row) => [...row.querySelectorAll("td")]);
  const readout = table.closest(".scroll").nextElementSibling;
  cells[0][0].tabIndex = 0;
  table.addEventListener("focusin", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    for (const one of table.querySelectorAll('td[tabindex="0"]')) one.tabIndex = -1;
    cell.tabIndex = 0;
    readout.textContent = told(cell);
  });
  table.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    const row = cells.findIndex((line) => line.includes(event.target));
    cells[row + step[0]]?.[cells[row].indexOf(event.target) + step[1]]?.focus();
  });
}
