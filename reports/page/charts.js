// Draws the charts, each from the rows that its reader has chosen, and the same rows as a table.
"use strict";

const charts = JSON.parse(document.getElementById("charts").textContent);

// Names beside marks: each where it covers neither a mark nor another name, or nowhere.
const PLACES = ["right", "left", "top", "bottom", "top-right", "bottom-right", "top-left", "bottom-left"];
const LABELS = {
  type: "label",
  size: { signal: "[max(1, width), max(1, height)]" },
  anchor: [...PLACES, ...PLACES],
  offset: [...PLACES.map(() => 9), ...PLACES.map(() => 15)],
  avoidMarks: ["points_marks"],
};

function placeLabels(vega) {
  for (const mark of vega.marks) if (mark.name === "labels_marks") mark.transform = [LABELS];
  return vega;
}

function chosenRows(figure, chart) {
  const selects = [...figure.querySelectorAll("select")];
  return chart.rows.filter((row) => selects.every((s) => row[s.dataset.field] === s.value));
}

// Titles of axes depend on what was chosen: rows may carry them.
function titled(spec, rows) {
  const encoding = { ...spec.encoding };
  for (const axis of ["x", "y"]) {
    const title = rows[0]?.[`${axis}_title`];
    if (title) encoding[axis] = { ...encoding[axis], title };
  }
  return { ...spec, encoding };
}

async function draw(figure, chart) {
  const rows = chosenRows(figure, chart);
  const isVega = chart.spec.$schema.includes("/vega/");
  const spec = isVega ? { ...chart.spec } : titled(chart.spec, rows);
  spec.data = isVega
    ? chart.spec.data.map((set) => (set.name === "rows" ? { ...set, values: rows } : set))
    : { values: rows };
  const legend = { ...charts.config.legend, columns: Math.max(1, Math.floor(figure.clientWidth / 130)) };
  // `ast`: expressions are interpreted, not compiled, as the page's security policy demands.
  await vegaEmbed(figure.querySelector(".plot"), spec, {
    config: { ...charts.config, legend },
    ast: true,
    renderer: "svg",
    actions: false,
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
    patch: placeLabels,
  });
}

function tabulate(figure, chart) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const [, title] of chart.columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of chosenRows(figure, chart)) {
    const line = body.insertRow();
    for (const [field] of chart.columns) {
      const value = row[field];
      const cell = line.insertCell();
      cell.textContent = Array.isArray(value) ? value.join(" · ") : (value ?? "–");
      if (typeof value === "number") cell.dataset.value = value;
    }
  }
  makeSortable(table);
  figure.querySelector(".table").replaceChildren(table);
}

async function show(figure, chart) {
  const details = figure.querySelector("details");
  try {
    await draw(figure, chart);
    figure.dataset.drawn = "yes";
  } catch (error) {
    figure.querySelector(".plot").textContent = "This chart cannot be drawn; its table is below.";
    figure.dataset.drawn = "no";
    throw error;
  } finally {
    if (details.open) tabulate(figure, chart);
  }
}

(async () => {
  for (const figure of document.querySelectorAll("figure.chart")) {
    const chart = charts[figure.dataset.chart];
    const details = figure.querySelector("details");
    details.addEventListener("toggle", () => details.open && tabulate(figure, chart));
    figure.addEventListener("change", () => show(figure, chart));
    await show(figure, chart);
    await new Promise((next) => setTimeout(next)); // the page stays responsive between charts
  }
})();
