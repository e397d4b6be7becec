// @ts-check
// What every page has: theme, row height, copying, "says who?" on hover, and keys.

const YEAR_S = 31_536_000;

/** @param {string} name @param {string} value */
const remember = (name, value) => {
  document.cookie = `${name}=${value}; path=/; max-age=${value ? YEAR_S : 0}; samesite=strict`;
};

/** @param {string} selector @param {string} text */
const write = (selector, text) => {
  for (const element of document.querySelectorAll(selector)) element.textContent = text;
};

const root = document.documentElement;

const switchTheme = () => {
  const next = /** @type {Record<string, string>} */ ({ "": "light", light: "dark", dark: "" })[root.dataset.theme ?? ""];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  remember("theme", next);
  write("[data-theme-name]", next || "system");
};

const switchDensity = () => {
  const roomy = root.dataset.density !== "roomy";
  if (roomy) root.dataset.density = "roomy";
  else delete root.dataset.density;
  remember("density", roomy ? "roomy" : "");
  write("[data-density-name]", roomy ? "roomy" : "dense");
};

/** @param {HTMLElement} button */
const copy = async (button) => {
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  button.classList.add("done");
  const label = button.getAttribute("aria-label") ?? "";
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    button.classList.remove("done");
    button.setAttribute("aria-label", label);
  }, 1500);
};

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("[data-theme-switch]")) switchTheme();
  if (target?.closest("[data-density-switch]")) switchDensity();
  const copied = target?.closest("[data-copy]");
  if (copied instanceof HTMLElement) void copy(copied);
  const closed = target?.closest("[data-close]");
  if (closed) closed.closest(".notice")?.remove();
});

// A fact shows who says it after a short rest of the pointer; click and Enter work without this.
const REST_MS = 350;
let resting = 0;
/** @type {Element | null} */
let shown = null;

document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse" || !(event.target instanceof Element)) return;
  const fact = event.target.closest(".fact[popovertarget]");
  clearTimeout(resting);
  if (shown && !fact && !event.target.closest(".says")) {
    /** @type {HTMLElement} */ (shown).hidePopover();
    shown = null;
  }
  if (!fact) return;
  resting = setTimeout(() => {
    const says = document.getElementById(fact.getAttribute("popovertarget") ?? "");
    if (!says || says.matches(":popover-open")) return;
    // @ts-ignore: `source` makes the fact the anchor of its popover.
    says.showPopover({ source: fact });
    shown = says;
  }, REST_MS);
});

// One write at a time: htmx marks the form, and its buttons are off until the answer is there.
document.addEventListener("htmx:responseError", () => {
  document.getElementById("notices")?.scrollIntoView({ block: "nearest" });
});

// Where a swap replaced what had the focus, the focus goes to its successor, or to the list.
/** @type {string} */
let focused = "";
document.addEventListener("htmx:beforeSwap", () => {
  focused = document.activeElement?.id ?? "";
});
document.addEventListener("htmx:afterSettle", () => {
  if (!focused || document.activeElement?.id === focused) return;
  const successor = document.getElementById(focused);
  if (!(successor instanceof HTMLElement)) return;
  successor.focus({ preventScroll: true });
  if (successor instanceof HTMLInputElement && successor.type === "search") {
    successor.setSelectionRange(successor.value.length, successor.value.length);
  }
});
