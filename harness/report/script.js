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

  // Sorting: the best first at the first click, words from A; rows without a value stay last.
  const sort = (head) => {
    const table = head.closest("table");
    const { kind, first = "ascending" } = head.querySelector("button").dataset;
    const text = kind === "text";
    const before = head.getAttribute("aria-sort");
    const order = before === "none" ? first : before === "ascending" ? "descending" : "ascending";
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

  // Filtering: a row stays if words of it or of its table's name begin with each word of the filter.
  const field = document.getElementById("filter");
  const task = document.getElementById("task");
  const sections = all("section[data-search]").map((section) => ({
    section, task: section.dataset.task, text: section.dataset.search,
    link: document.querySelector(`.contents a[data-section="${section.id}"]`),
    rows: all("tr[data-search]", section).map((row) => [row, row.dataset.search]),
    parts: all("[data-row]:not(tr[data-search])", section),
  }));
  const beginning = (word) => {
    const escaped = word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    return new RegExp((/^[\p{L}\p{N}]/u.test(word) ? "(?<![\\p{L}\\p{N}])" : "") + escaped, "iu");
  };
  const filter = () => {
    const words = field.value.split(/\s+/).filter(Boolean).map(beginning);
    let kept = 0, total = 0;
    for (const s of sections) {
      const fits = ([, text]) => words.every((word) => word.test(s.text) || word.test(text));
      const shown = new Set();
      let inside = 0;
      for (const row of s.rows) {
        row[0].hidden = !fits(row);
        inside += !row[0].hidden;
        if (!row[0].hidden) shown.add(row[0].dataset.row);
      }
      // Runs, lines, points and maps of a row go with it; what is drawn has no property "hidden".
      for (const part of s.parts) part.toggleAttribute("hidden", !shown.has(part.dataset.row));
      const gone = inside === 0 || (task.value !== "" && s.task !== task.value);
      s.section.hidden = gone;
      s.link.hidden = gone;
      if (s.task === undefined) continue;
      total += s.rows.length;
      kept += gone ? 0 : inside;
    }
    const filtered = words.length > 0 || task.value !== "";
    document.getElementById("count").textContent = filtered ? `${kept} of ${total} rows` : "";
  };
  field.addEventListener("input", filter);
  task.addEventListener("change", filter);
  filter();

  // A link to a run opens it, wherever it is folded away.
  const open = () => {
    const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    if (target === null) return;
    // It may stand in a table that the filter hides.
    if (target.closest("[hidden]") !== null) { field.value = task.value = ""; filter(); }
    for (let part = target; part !== null; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", open);
  all("a[href^='#run-']").forEach((link) => link.addEventListener("click", () => setTimeout(open)));
  open();
})();
