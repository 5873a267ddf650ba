/* Chapters above reference pages, one result a chapter, snippets of prose. */
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([docname, title, anchor, description, score]) => {
    if (docname.startsWith("chapters/api") || docname === "genindex") return score - 200;
    if (REFERENCE.has(docname)) return score - 20;
    return score;
  },
};
const REFERENCE = new Set(
  ["bibliography", "status", "benchmarks", "cluster", "slips", "notation", "paths", "glossary",
   "how_close", "theorems"]
    .map((name) => "chapters/" + name)
);
const NO_PROSE =
  ".headerlink, script, style, pre, .cell, .math, .toctree-wrapper, .admonition.dropdown, table";

document.addEventListener("DOMContentLoaded", () => {
  const find = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const best = new Map();
    for (const result of find(fold(query), ...terms).reverse()) {
      const key = result[3] ? result[0] + result[2] : result[0];
      if (!best.has(key)) best.set(key, result);
    }
    return [...best.values()].reverse(); // shown from the end
  };
  Search.htmlToText = (source) => {
    const page = new DOMParser().parseFromString(source, "text/html");
    const article = page.querySelector("article.bd-article") || page.body;
    article.querySelectorAll(NO_PROSE).forEach((node) => node.remove());
    return article.textContent.replace(/\s+/g, " ");
  };
});
