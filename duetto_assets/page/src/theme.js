// Light or dark: as the system says, until the person says otherwise.
import { byId } from "./dom.js";

const KEY = "duetto-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** Follow the choice, call `changed` with "dark" or "light" at each change, and return what tells the present one. */
export function keepTheme(changed) {
  let chosen = remembered();
  const theme = () => chosen ?? (system.matches ? "dark" : "light");
  const apply = () => {
    document.documentElement.dataset.theme = theme();
    byId("theme-button").setAttribute("aria-pressed", String(theme() === "dark"));
  };
  byId("theme-button").addEventListener("click", () => {
    chosen = theme() === "dark" ? "light" : "dark";
    remember(chosen);
    apply();
    changed(theme());
  });
  system.addEventListener("change", () => {
    apply();
    changed(theme());
  });
  apply();
  return theme;
}

// Pages from a file, and in some browsers' private windows, have no storage: then the choice lasts as long as the page.
function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice lasts as long as the page.
  }
}
