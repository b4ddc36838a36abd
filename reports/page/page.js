// Tables sort by any column, and long ones can be searched. Without scripts the page lacks only that.
"use strict";

function keyOf(cell) {
  if (!cell || cell.colSpan > 1) return null;
  const value = cell.dataset.value;
  if (value === undefined) return cell.textContent.trim().toLowerCase();
  return value === "" ? null : Number(value);
}

function compare(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null);
  if (typeof one === "number" && typeof other === "number") return sign * (one - other);
  return sign * String(one).localeCompare(String(other), undefined, { numeric: true });
}

function sortBy(header) {
  const table = header.closest("table");
  const body = table.tBodies[0];
  const order = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const keyed = [...body.rows].map((row) => [keyOf(row.cells[header.cellIndex]), row]);
  keyed.sort(([one], [other]) => compare(one, other, sign));
  body.append(...keyed.map(([, row]) => row));
}

for (const header of document.querySelectorAll("table.sortable thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sortBy(header));
  header.append(button);
}

for (const search of document.querySelectorAll("input[data-table]")) {
  const rows = [...document.getElementById(search.dataset.table).tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    rows.forEach((row, number) => {
      row.hidden = !words.every((word) => texts[number].includes(word));
    });
  });
  search.closest("[hidden]").hidden = false;
}
