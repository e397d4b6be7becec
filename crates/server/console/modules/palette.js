// @ts-check
// The command palette: `/` or Ctrl-K opens it, arrows choose, Enter opens.

const palette = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));
const input = /** @type {HTMLInputElement | null} */ (document.getElementById("palette-q"));
const hits = document.getElementById("hits");

/** @returns {HTMLElement[]} */
const options = () => [...(hits?.querySelectorAll("[role=option]") ?? [])].filter((hit) => hit instanceof HTMLElement);

const chosen = () => options().findIndex((hit) => hit.getAttribute("aria-selected") === "true");

/** @param {number} place */
const choose = (place) => {
  const all = options();
  if (!all.length) return;
  const at = (place + all.length) % all.length;
  all.forEach((hit, n) => hit.setAttribute("aria-selected", String(n === at)));
  all[at]?.scrollIntoView({ block: "nearest" });
  input?.setAttribute("aria-activedescendant", all[at]?.id ?? "");
};

const open = () => {
  if (!palette || !input || palette.open) return;
  palette.showModal();
  input.select();
  input.dispatchEvent(new Event("palette-open"));
};

/** @param {EventTarget | null} target */
const isTyping = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

document.addEventListener("keydown", (event) => {
  const combination = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
  const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target);
  if (combination || slash) {
    event.preventDefault();
    open();
  }
});

document.getElementById("find")?.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  open();
});

input?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") choose(chosen() + 1);
  else if (event.key === "ArrowUp") choose(chosen() - 1);
  else if (event.key === "Enter") {
    const hit = options()[Math.max(chosen(), 0)];
    if (hit) hit.click();
    else if (input.value) location.assign(`/search?q=${encodeURIComponent(input.value)}`);
  } else return;
  event.preventDefault();
});

hits?.addEventListener("htmx:afterSwap", () => choose(0));

palette?.addEventListener("click", (event) => {
  if (event.target === palette) palette.close();
});
