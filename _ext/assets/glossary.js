/* Definitions of glossary terms on hover and on keyboard focus; Escape closes them. */
document.addEventListener("DOMContentLoaded", () => {
  const terms = document.querySelectorAll("a.term");
  if (!terms.length) return;
  const box = document.createElement("div");
  box.id = "term-definition";
  box.className = "term-definition";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  document.body.append(box);
  let leaving;

  const show = (term) => {
    clearTimeout(leaving);
    box.textContent = term.dataset.definition;
    box.hidden = false;
    term.setAttribute("aria-describedby", box.id);
    const at = term.getBoundingClientRect();
    const left = Math.min(at.left, innerWidth - box.offsetWidth - 12);
    const above = at.bottom + box.offsetHeight + 12 > innerHeight;
    box.style.left = `${Math.max(12, left) + scrollX}px`;
    box.style.top = `${(above ? at.top - box.offsetHeight - 6 : at.bottom + 6) + scrollY}px`;
  };
  const hide = () => {
    box.hidden = true;
    document.querySelector("[aria-describedby=term-definition]")?.removeAttribute("aria-describedby");
  };
  const leave = () => (leaving = setTimeout(hide, 150));

  for (const term of terms) {
    term.addEventListener("mouseenter", () => show(term));
    term.addEventListener("focus", () => show(term));
    term.addEventListener("mouseleave", leave);
    term.addEventListener("blur", hide);
  }
  box.addEventListener("mouseenter", () => clearTimeout(leaving));
  box.addEventListener("mouseleave", leave);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
});
