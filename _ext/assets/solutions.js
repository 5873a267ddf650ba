/* The title of a solution opens it; the link in it, to the exercise, stays for other clicks. */
document.addEventListener("click", (event) => {
  const link = event.target.closest(".solution > .admonition-title a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  link.closest(".solution").querySelector("button.toggle-button").click();
}, true);
