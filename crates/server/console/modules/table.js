// @ts-check
// Selection in a list, and the bar that acts on it.

const boxes = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("[data-select]")]);

const show = () => {
  const bar = /** @type {HTMLElement | null} */ (document.querySelector("[data-bulk]"));
  const all = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-select-all]"));
  if (!bar) return;
  const every = boxes();
  const n = every.filter((box) => box.checked).length;
  bar.hidden = n === 0;
  const count = bar.querySelector("[data-selected]");
  if (count) count.textContent = String(n);
  if (all) {
    all.checked = n > 0 && n === every.length;
    all.indeterminate = n > 0 && n < every.length;
  }
};

document.addEventListener("change", (event) => {
  if (!(event.target instanceof HTMLInputElement)) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of boxes()) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-select], [data-select-all]")) show();
});

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || !event.target.closest("[data-select-none]")) return;
  for (const box of boxes()) box.checked = false;
  show();
});

document.addEventListener("htmx:afterSettle", show);
