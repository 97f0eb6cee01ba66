"use strict";
(() => {
  const LINES_AT_ONCE = 4000;
  const FOUND_MAX = 500;
  const nodes = [...document.querySelectorAll("details.node")];
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const kept = new Map();

  // The lines of a node: [where from, text]. Read when they are wanted, for there may be many.
  const linesOf = (node) => {
    if (!kept.has(node)) {
      const parts = JSON.parse(node.querySelector("script").textContent);
      const lines = [];
      for (const [from, text] of parts) {
        const split = text.split("\n");
        if (split[split.length - 1] === "") split.pop();
        for (const line of split) lines.push([from, line]);
      }
      kept.set(node, lines);
    }
    return kept.get(node);
  };

  const marked = (element, line, word) => {
    let rest = line;
    for (let at = rest.toLowerCase().indexOf(word); at >= 0; at = rest.toLowerCase().indexOf(word)) {
      element.append(rest.slice(0, at));
      const mark = document.createElement("mark");
      mark.textContent = rest.slice(at, at + word.length);
      element.append(mark);
      rest = rest.slice(at + word.length);
    }
    element.append(rest, "\n");
  };

  // Lines of one origin that follow each other become one element.
  const append = (pre, lines, word) => {
    let run = null;
    let from = null;
    for (const [origin, line] of lines) {
      if (run === null || origin !== from) {
        run = document.createElement("span");
        run.className = origin;
        pre.append(run);
        from = origin;
      }
      if (word) marked(run, line, word);
      else run.append(line, "\n");
    }
  };

  const show = (node, lines, word) => {
    const pre = node.querySelector("pre");
    pre.textContent = "";
    let at = 0;
    const more = () => {
      const next = lines.slice(at, at + LINES_AT_ONCE);
      const joined = word ? next : joinRuns(next);
      append(pre, joined, word);
      at += next.length;
      if (at < lines.length) {
        const button = document.createElement("button");
        button.textContent = `${(lines.length - at).toLocaleString("en")} more lines`;
        button.addEventListener("click", () => { button.remove(); more(); });
        pre.append(button);
      }
    };
    more();
  };

  // Thousands of text nodes are slow to lay out; one for each run of lines is not.
  const joinRuns = (lines) => {
    const runs = [];
    for (const [from, line] of lines) {
      const last = runs[runs.length - 1];
      if (last && last[0] === from) last[1].push(line);
      else runs.push([from, [line]]);
    }
    return runs.map(([from, texts]) => [from, texts.join("\n")]);
  };

  const render = (node) => {
    if (!node.open) return;
    const word = search.value.toLowerCase();
    const lines = linesOf(node);
    const state = word;
    if (node.dataset.shown === state) return;
    node.dataset.shown = state;
    if (!word) show(node, lines, "");
    else show(node, matching(lines, word).slice(0, FOUND_MAX), word);
  };

  const matching = (lines, word) => lines.filter(([, line]) => line.toLowerCase().includes(word));

  const find = () => {
    const word = search.value.toLowerCase();
    let total = 0;
    let hit = 0;
    for (const node of nodes) {
      const count = word ? matching(linesOf(node), word).length : 0;
      node.classList.toggle("gone", word !== "" && count === 0);
      total += count;
      hit += count > 0;
      if (word && count && hit <= 8) node.open = true;
      render(node);
    }
    found.textContent = word
      ? `${total.toLocaleString("en")} lines in ${hit} of ${nodes.length} nodes` : "";
  };

  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 150); });
  for (const node of nodes) {
    node.addEventListener("toggle", () => render(node));
    render(node);
  }
  const fold = (open) => () => { for (const node of nodes) node.open = open; };
  document.getElementById("open").addEventListener("click", fold(true));
  document.getElementById("close").addEventListener("click", fold(false));
})();
