"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, inside = document) => Array.from(inside.querySelectorAll(selector));

  // Theme: as the system says, light, dark. A page opened from a file may have no storage.
  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const show = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.querySelector("span").textContent = theme;
    try { localStorage.setItem("theme", theme); } catch { /* not kept */ }
  };
  show(themes.includes(stored()) ? stored() : "auto");
  button.addEventListener("click", () => {
    const now = button.querySelector("span").textContent;
    show(themes[(themes.indexOf(now) + 1) % themes.length]);
  });

  // Sorting: numbers the largest first at the first click, words from A; rows without a value stay last.
  const sort = (head) => {
    const table = head.closest("table");
    const text = head.querySelector("button").dataset.kind === "text";
    const before = head.getAttribute("aria-sort");
    const order = before === "none" ? (text ? "ascending" : "descending") : before === "ascending" ? "descending" : "ascending";
    all("th[aria-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const key = (row) => row.cells[head.cellIndex].dataset.key;
    const body = table.tBodies[0];
    const rows = Array.from(body.rows).sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (text ? x.localeCompare(y) : Number(x) - Number(y));
    });
    body.append(...rows);
  };
  all("th[aria-sort] button").forEach((b) => b.addEventListener("click", () => sort(b.closest("th"))));

  // Filtering: a row stays if it and its table's name have all the words.
  const field = document.getElementById("filter");
  const task = document.getElementById("task");
  const sections = all("section.board").map((section) => ({
    section, task: section.dataset.task, text: section.dataset.search.toLowerCase(),
    link: document.querySelector(`.contents a[data-section="${section.id}"]`),
    rows: all("tr[data-search]", section).map((row) => [row, row.dataset.search.toLowerCase()]),
    runs: all(".run", section).map((run) => [run, run.dataset.search.toLowerCase()]),
  }));
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let kept = 0, total = 0;
    for (const s of sections) {
      const fits = ([, text]) => words.every((word) => s.text.includes(word) || text.includes(word));
      let inside = 0;
      for (const row of s.rows) { row[0].hidden = !fits(row); inside += !row[0].hidden; }
      for (const run of s.runs) run[0].hidden = !fits(run);
      const gone = inside === 0 || (task.value !== "" && s.task !== task.value);
      s.section.hidden = gone;
      s.link.hidden = gone;
      total += s.rows.length;
      kept += gone ? 0 : inside;
    }
    const filtered = words.length > 0 || task.value !== "";
    document.getElementById("count").textContent = filtered ? `${kept} of ${total} rows pass the filter.` : "";
  };
  field.addEventListener("input", filter);
  task.addEventListener("change", filter);
  filter();

  // A link to a run opens it, wherever it is folded away.
  const open = () => {
    const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    if (target === null) return;
    for (let part = target; part !== null; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", open);
  all("a[href^='#run-']").forEach((link) => link.addEventListener("click", () => setTimeout(open)));
  open();
})();
