"use strict";
// Filters the rows that the page holds and folds long lists of them. Without this script, all rows
// are shown, and paper has all that the filters find.
{
  const section = document.getElementById("rows");
  const rows = [...section.querySelectorAll("tbody tr")];
  const outcomes = [...section.querySelectorAll(".filters input[type=checkbox]")];
  const label = document.getElementById("label-filter"); // null with fewer than two labels
  const search = document.getElementById("text-filter");
  const status = document.getElementById("shown-rows");
  const table = section.querySelector(".changed");
  const none = document.getElementById("no-row");
  const more = document.getElementById("more-rows");
  const inAll = Number(status.dataset.total);
  const step = 50;
  let unfolded = step;

  const folded = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ");
  const texts = rows.map((row) =>
    [...row.querySelectorAll(".text, .remark")].map((cell) => folded(cell.textContent)).join("\n"));
  const counted = (number) => number.toLocaleString("en-US");

  function draw() {
    const wanted = new Set(outcomes.filter((box) => box.checked).map((box) => box.value));
    const wantedLabel = label === null ? "" : label.value;
    const wantedText = folded(search.value).trim();
    let found = 0;
    rows.forEach((row, place) => {
      const fits = (wanted.size === 0 || wanted.has(row.dataset.outcome))
        && (wantedLabel === "" || row.dataset.label === wantedLabel)
        && texts[place].includes(wantedText);
      row.hidden = !fits;
      found += fits;
      row.classList.toggle("later", fits && found > unfolded);
    });
    const noun = rows.length === 1 ? "row" : "rows";
    status.textContent =
      `${counted(found)} of ${counted(rows.length)} ${noun} found, ${counted(inAll)} in all`;
    none.hidden = found > 0;
    table.hidden = found === 0;
    more.hidden = found <= unfolded;
    more.querySelector(".note").textContent = `${counted(unfolded)} of ${counted(found)} shown`;
  }

  function apply() {
    unfolded = step;
    draw();
  }

  more.querySelector("button").addEventListener("click", () => {
    const next = section.querySelector("tbody tr.later");
    unfolded += step;
    draw();
    if (more.hidden) { // the button is gone, so what has the focus must be something else
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
    }
  });

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
  draw();
}
