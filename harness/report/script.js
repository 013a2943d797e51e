"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, inside = document) => Array.from(inside.querySelectorAll(selector));
  const at = (id) => document.getElementById(id);

  // A button goes through choices. A page opened from a file may have no storage.
  const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const choice = (name, words) => {
    const button = at(name), said = button.querySelector("span");
    const show = (word) => {
      root.dataset[name] = said.textContent = word;
      try { localStorage.setItem(name, word); } catch { /* not kept */ }
    };
    show(words.includes(stored(name)) ? stored(name) : words[0]);
    button.addEventListener("click", () => show(words[(words.indexOf(said.textContent) + 1) % words.length]));
  };
  choice("theme", ["auto", "light", "dark"]);
  choice("columns", ["few", "all"]);

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

  // One task is open at a time, unless all are asked for; on paper all are.
  const tasks = all("section.task");
  const everything = at("everything");
  let loaded = false;  // until then no layout is asked for
  const turn = (task) => {
    root.classList.toggle("paged", task !== null);
    everything.setAttribute("aria-pressed", String(task === null));
    tasks.forEach((other) => other.classList.toggle("open", other === task));
    all(".contents .of-task").forEach((link) => {
      const current = task !== null && link.hash === `#${task.id}`;
      if (!current) { link.removeAttribute("aria-current"); return; }
      link.setAttribute("aria-current", "true");
      if (!loaded) return;
      const list = at("contents");
      list.scrollTop = Math.min(list.scrollTop, link.offsetTop - 80);
      list.scrollTop = Math.max(list.scrollTop, link.offsetTop - list.clientHeight + 160);
    });
  };
  const current = () => tasks.find((task) => task.classList.contains("open")) ?? tasks[0];
  everything.addEventListener("click", () => turn(root.classList.contains("paged") ? null : current()));
  const step = (by) => {
    const there = tasks.filter((task) => !task.hidden);
    const next = there[there.indexOf(current()) + by];
    if (next !== undefined) location.hash = next.id;
  };
  turn(tasks[0]);

  // Filtering: a row stays if words of it or of its table's name begin with each word of the filter.
  const field = at("filter");
  const task = at("task");
  let listed = null;  // once it is needed: a large page is there sooner
  const sections = () => listed ??= all("section[data-search]").map((section) => ({
    section, task: section.dataset.task, text: section.dataset.search,
    link: document.querySelector(`.contents a[data-section="${section.id}"]`),
    answer: document.querySelector(`.answers li[data-answer="${section.id}"]`),
    rows: all("tr[data-search]", section).map((row) => [row, row.dataset.search]),
    parts: all("[data-row]:not(tr[data-search])", section),
  }));
  const glances = all("table.glance").map((table) => ({
    table, heads: all("thead th[data-search]", table), rows: all("tbody tr", table),
  }));
  const beginning = (word) => {
    const escaped = word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    return new RegExp((/^[\p{L}\p{N}]/u.test(word) ? "(?<![\\p{L}\\p{N}])" : "") + escaped, "iu");
  };
  // Of the overview those rows and tables stay that have a cell which fits.
  const filterGlance = ({ table, heads, rows }, fits) => {
    const wanted = heads.map((head) => task.value === "" || head.dataset.task === task.value);
    const kept = heads.map(() => false);
    for (const row of rows) {
      let inside = false;
      heads.forEach((head, n) => {
        const fit = wanted[n] && !row.cells[n + 1].classList.contains("empty") &&
          fits(head.dataset.search, row.dataset.search);
        inside ||= fit;
        kept[n] ||= fit;
      });
      row.hidden = !inside;
    }
    heads.forEach((head, n) => [head, ...rows.map((row) => row.cells[n + 1])].forEach((e) => { e.hidden = !kept[n]; }));
    table.parentElement.hidden = !kept.includes(true);
  };
  const filter = () => {
    const words = field.value.split(/\s+/).filter(Boolean).map(beginning);
    const filtered = words.length > 0 || task.value !== "";
    const fits = (table, row) => words.every((word) => word.test(table) || word.test(row));
    let kept = 0, total = 0;
    for (const s of sections()) {
      const shown = new Set();
      let inside = 0;
      for (const [row, text] of s.rows) {
        row.hidden = !fits(s.text, text);
        inside += !row.hidden;
        if (!row.hidden) shown.add(row.dataset.row);
      }
      // Runs, lines, points and maps of a row go with it; what is drawn has no property "hidden".
      for (const part of s.parts) part.toggleAttribute("hidden", !shown.has(part.dataset.row));
      const gone = inside === 0 || (task.value !== "" && s.task !== task.value);
      for (const part of [s.section, s.link, s.answer]) if (part !== null) part.hidden = gone;
      if (s.task === undefined) continue;
      s.link.querySelector(".found").textContent = filtered ? ` ${inside} of ${s.rows.length}` : "";
      total += s.rows.length;
      kept += gone ? 0 : inside;
    }
    glances.forEach((glance) => filterGlance(glance, fits));
    for (const part of [...tasks, ...all(".contents div[data-task]")]) {
      part.hidden = all(".board, a[data-section]", part).every((inside) => inside.hidden);
    }
    const first = tasks.find((one) => !one.hidden);
    if (root.classList.contains("paged") && current().hidden && first !== undefined) turn(first);
    at("count").textContent = filtered ? `${kept} of ${total} rows` : "";
  };
  field.addEventListener("input", filter);
  task.addEventListener("change", filter);
  if (field.value !== "" || task.value !== "") filter();

  // A link opens what it leads to, wherever that is folded away.
  const narrow = matchMedia("(max-width: 1000px)");
  const open = () => {
    const target = location.hash ? at(decodeURIComponent(location.hash.slice(1))) : null;
    if (target === null) return;
    // It may stand in a table that the filter hides.
    if (target.closest("[hidden]") !== null) { field.value = task.value = ""; filter(); }
    const inside = target.closest("section.task");
    if (inside !== null && root.classList.contains("paged")) turn(inside);
    for (let part = target; part !== null; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (narrow.matches && !at("contents").contains(target)) at("contents").open = false;
    target.scrollIntoView();
  };
  at("contents").open = !narrow.matches;
  narrow.addEventListener("change", () => { at("contents").open = !narrow.matches; });
  window.addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    if (event.target.closest("a[href^='#']") !== null) setTimeout(open);
  });
  loaded = true;
  open();

  // Charts: what a mark tells stands beside the pointer; a legend switches rows on and off, a button single seeds.
  const tip = at("tip");
  document.addEventListener("pointerover", (event) => {
    const mark = event.target.closest(".chart [aria-label]");
    tip.hidden = mark === null;
    if (mark === null) return;
    tip.textContent = mark.getAttribute("aria-label");
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
  });
  const toggle = (button) => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    return pressed;
  };
  all(".legend button").forEach((button) => button.addEventListener("click", () => {
    const on = toggle(button), row = button.parentElement.dataset.row;
    all(".chart [data-row]", button.closest(".part")).forEach((mark) => {
      if (mark.dataset.row === row) mark.classList.toggle("off", !on);
    });
  }));
  all(".seeds-switch").forEach((button) => button.addEventListener("click", () => {
    button.closest(".part").classList.toggle("with-seeds", toggle(button));
  }));

  // Keys: in the overview arrows go from cell to cell, which is one stop of the tab key.
  for (const { table, rows } of glances) {
    const links = all("td a", table);
    const only = (link) => links.forEach((other) => { other.tabIndex = other === link ? 0 : -1; });
    only(links[0]);
    table.addEventListener("focusin", (event) => { if (links.includes(event.target)) only(event.target); });
    table.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
      const [down, right] = moves[event.key] ?? [0, 0];
      const cell = event.target.closest("td");
      if (cell === null || (down === 0 && right === 0)) return;
      event.preventDefault();
      let [y, x] = [rows.indexOf(cell.parentElement), cell.cellIndex], next = null;
      do { y += down; x += right; next = rows[y]?.cells[x]; }
      while (next !== undefined && (next.hidden || next.parentElement.hidden || next.querySelector("a") === null));
      next?.querySelector("a")?.focus();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === field && event.key === "Escape") { field.value = ""; filter(); field.blur(); return; }
    if (event.target.closest("input, select") !== null) return;
    if (event.key === "/") { event.preventDefault(); field.focus(); }
    if (event.key === "n" || event.key === "p") step(event.key === "n" ? 1 : -1);
  });

  // On paper everything but the runs is unfolded.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = all("details.part:not(.runs):not([open])");
    unfolded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => { unfolded.forEach((part) => { part.open = false; }); });
})();
