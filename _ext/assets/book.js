/* One switch at the top of a chapter opens or folds all code, on all pages. */
document.addEventListener("DOMContentLoaded", () => {
  const folds = [...document.querySelectorAll("details.code-fold")];
  const title = document.querySelector("article h1");
  if (!folds.length || !title) return;
  const KEY = "rmt-code";
  const stored = () => {
    try { return localStorage.getItem(KEY) === "open"; } catch { return false; }
  };
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-switch";
  const show = (open) => {
    for (const fold of folds) fold.open = open;
    button.textContent = open ? "Fold all code" : "Open all code";
    button.setAttribute("aria-pressed", open);
  };
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    try { localStorage.setItem(KEY, open ? "open" : "fold"); } catch { /* not remembered */ }
    show(open);
  });
  show(stored());
  title.after(button);
});

/* A formula that scrolls in its box says on which side it goes on. */
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const formulas = [...document.querySelectorAll('mjx-container[display="true"]')];
  const mark = (box) => {
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    box.classList.toggle("goes-on", rest > 1);
    box.classList.toggle("goes-back", box.scrollLeft > 1);
  };
  for (const box of formulas) box.addEventListener("scroll", () => mark(box), { passive: true });
  const all = () => formulas.forEach(mark);
  addEventListener("resize", all);
  all();
});
