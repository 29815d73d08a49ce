"use strict";
// Filters the rows that the page holds. Without this script, all of them are shown.
{
  const section = document.getElementById("rows");
  const rows = [...section.querySelectorAll("tbody tr")];
  const outcomes = [...section.querySelectorAll(".filters input[type=checkbox]")];
  const label = document.getElementById("label-filter"); // null with fewer than two labels
  const search = document.getElementById("text-filter");
  const status = document.getElementById("shown-rows");
  const inAll = Number(status.dataset.total);

  const folded = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ");
  const texts = rows.map((row) =>
    [...row.querySelectorAll(".text")].map((cell) => folded(cell.textContent)).join("\n"));
  const counted = (number) => number.toLocaleString("en-US");

  function apply() {
    const wanted = new Set(outcomes.filter((box) => box.checked).map((box) => box.value));
    const wantedLabel = label === null ? "" : label.value;
    const wantedText = folded(search.value).trim();
    let shown = 0;
    rows.forEach((row, place) => {
      const fits = (wanted.size === 0 || wanted.has(row.dataset.outcome))
        && (wantedLabel === "" || row.dataset.label === wantedLabel)
        && texts[place].includes(wantedText);
      row.hidden = !fits;
      shown += fits;
    });
    const noun = rows.length === 1 ? "row" : "rows";
    status.textContent =
      `${counted(shown)} of ${counted(rows.length)} ${noun} shown, ${counted(inAll)} in all`;
  }

  const controls = section.querySelector(".filters");
  controls.addEventListener("input", apply);
  document.getElementById("show-all").addEventListener("click", () => {
    outcomes.forEach((box) => { box.checked = false; });
    if (label !== null) label.value = "";
    search.value = "";
    apply();
    search.focus();
  });
  controls.hidden = false;
}
