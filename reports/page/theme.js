// A button that turns the page dark or light; without a choice it follows the system's setting.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const themeButton = document.getElementById("theme");

function chosenTheme() {
  try {
    return localStorage.getItem("mobilespeech-bench-theme");
  } catch {
    return null; // a browser may refuse storage to files
  }
}

function showTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  const isDark = theme ? theme === "dark" : dark.matches;
  themeButton.textContent = isDark ? "☀ Light" : "☾ Dark";
}

themeButton.addEventListener("click", () => {
  const theme = themeButton.textContent.endsWith("Dark") ? "dark" : "light";
  try {
    localStorage.setItem("mobilespeech-bench-theme", theme);
  } catch {
    // The choice then lasts as long as the page is open.
  }
  showTheme(theme);
});
dark.addEventListener("change", () => showTheme(chosenTheme()));
showTheme(chosenTheme());
themeButton.hidden = false;
