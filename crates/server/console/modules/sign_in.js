// @ts-check
// The one-time link carries its token after `#`, which browsers never send. It is taken out of the
// address at once and goes into the form that uses it.

const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  for (const field of document.querySelectorAll("[data-link-token]")) {
    if (field instanceof HTMLInputElement) field.value = token;
  }
  for (const place of document.querySelectorAll("[data-with-link]")) {
    if (place instanceof HTMLElement) place.hidden = false;
  }
  for (const place of document.querySelectorAll("[data-without-link]")) {
    if (place instanceof HTMLElement) place.hidden = true;
  }
}
